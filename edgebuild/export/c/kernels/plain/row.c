/* One row, four channels at a time. */
EB_SHARED void eb_row(const struct eb_matrix *table, const int8_t *a, int8_t *out) {
  const struct eb_matrix m = *table;
  const int32_t depth = m.depth, channels = m.channels;
  const int8_t *w = m.weights;
  for (int32_t c = 0; c < channels; c += 4) {
    const int32_t left = channels - c < 4 ? channels - c : 4;
    const int8_t *v = left > 1 ? w + depth : w, *u = left > 2 ? v + depth : v, *t = left > 3 ? u + depth : u;
    int32_t sums[4] = {0, 0, 0, 0};
    for (int32_t k = 0; k < depth; k++) {
      const int32_t x = a[k];
      sums[0] += x * w[k];
      sums[1] += x * v[k];
      sums[2] += x * u[k];
      sums[3] += x * t[k];
    }
    for (int32_t i = 0; i < left; i++) {
      const int32_t sum = sums[i] + m.bias[c + i];
      out[c + i] = eb_clamp(eb_scale(sum, m.multiplier[c + i], m.right[c + i]) + m.zero_point, m.low, m.high);
    }
    w = t + depth;
  }
}
