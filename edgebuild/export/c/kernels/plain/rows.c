/* Two rows at once, so that every weight is loaded once for both; the same row twice is harmless.
   Here and elsewhere the table is copied: a write to the output could change the original, for all a compiler knows. */
EB_SHARED void eb_rows(const struct eb_matrix *table, const int8_t *a, const int8_t *b, int8_t *out_a, int8_t *out_b) {
  const struct eb_matrix m = *table;
  const int32_t depth = m.depth;
  const int32_t channels = m.channels;
  const int8_t *w = m.weights;
  int32_t c = 0;
  while (c < channels) {
    const int32_t d = c + 1 < channels ? c + 1 : c;
    const int8_t *v = d > c ? w + depth : w;
    int32_t sum_a = m.bias[c], sum_b = sum_a, next_a = m.bias[d], next_b = next_a;
    for (int32_t k = 0; k < depth; k++) {
      const int32_t x = a[k], y = b[k], p = w[k], q = v[k];
      sum_a += x * p;
      sum_b += y * p;
      next_a += x * q;
      next_b += y * q;
    }
    out_a[c] = eb_clamp(eb_scale(sum_a, m.multiplier[c], m.right[c]) + m.zero_point, m.low, m.high);
    out_b[c] = eb_clamp(eb_scale(sum_b, m.multiplier[c], m.right[c]) + m.zero_point, m.low, m.high);
    out_a[d] = eb_clamp(eb_scale(next_a, m.multiplier[d], m.right[d]) + m.zero_point, m.low, m.high);
    out_b[d] = eb_clamp(eb_scale(next_b, m.multiplier[d], m.right[d]) + m.zero_point, m.low, m.high);
    w = v + depth;
    c = d + 1;
  }
}
