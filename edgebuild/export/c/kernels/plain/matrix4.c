/* The same matrix product with weights of 4 bits, two a byte, the low half first; a row begins with a byte. */
EB_SHARED void eb_rows_int4(const struct eb_matrix *table, const int8_t *a, int8_t *out) {
  const struct eb_matrix m = *table;
  const int8_t *w = m.weights;
  for (int32_t c = 0; c < m.channels; c++) {
    int32_t sum = m.bias[c], k = 0;
    for (; k + 1 < m.depth; k += 2) {
      const int32_t pair = *w++;
      sum += a[k] * (int8_t)(uint8_t)(((uint32_t)pair << 4) & 0xf0u) / 16 + a[k + 1] * (pair >> 4);
    }
    if (k < m.depth) {
      const int32_t pair = *w++;
      sum += a[k] * (int8_t)(uint8_t)(((uint32_t)pair << 4) & 0xf0u) / 16;
    }
    out[c] = eb_clamp(eb_scale(sum, m.multiplier[c], m.right[c]) + m.zero_point, m.low, m.high);
  }
}
