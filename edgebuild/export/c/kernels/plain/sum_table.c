/* Sums and differences of many values: what each stored value becomes on the common scale is computed once. */
EB_SHARED void eb_sum_table(int32_t *table, int32_t zero_point, int32_t multiplier, int32_t right, int32_t sign) {
  for (int32_t i = 0; i < 256; i++) {
    const int32_t value = (i < 128 ? i : i - 256) - zero_point;
    table[i] = sign * eb_scale(value * (INT32_C(1) << 20), multiplier, right);
  }
}

EB_INLINE void eb_sum_table_run(const int32_t *p, const int32_t *q, const int8_t *a, int32_t step_a, const int8_t *b,
                                int32_t step_b, int8_t *out, int32_t count, int32_t multiplier, int32_t right,
                                int32_t zero_point, int32_t low, int32_t high) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t sum = p[(uint8_t)a[i * step_a]] + q[(uint8_t)b[i * step_b]];
    out[i] = eb_clamp(eb_scale_down(sum, multiplier, right) + zero_point, low, high);
  }
}
