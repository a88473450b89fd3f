/* Every row of the input with every channel's weights. */
EB_SHARED void eb_product(const struct eb_matrix *m, const int8_t *in, int8_t *out, int32_t rows) {
  while (rows > 0) {
    const int32_t second = rows > 1;
    eb_rows(m, in, in + second * m->depth, out, out + second * m->channels);
    in += (1 + second) * m->depth;
    out += (1 + second) * m->channels;
    rows -= 1 + second;
  }
}
