/* Every row of the input with every channel's weights. */
EB_SHARED void eb_product(const struct eb_matrix *m, const int8_t *in, int8_t *out, int32_t rows) {
  const int32_t depth = m->depth, channels = m->channels;
  for (; rows > 1; rows -= 2) {
    eb_rows(m, in, in + depth, out, out + channels);
    in += 2 * depth;
    out += 2 * channels;
  }
  if (rows > 0) {
    eb_rows(m, in, in, out, out);
  }
}
