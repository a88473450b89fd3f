/* Expanded in every layer: all of `g` becomes constants. */
EB_INLINE void eb_sum_run(const struct eb_sum g, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b,
                          int8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t p = (a[i * step_a] - g.zero_point_a) * (INT32_C(1) << 20);
    const int32_t q = (b[i * step_b] - g.zero_point_b) * (INT32_C(1) << 20);
    const int32_t sum = eb_scale(p, g.multiplier_a, g.right_a) + g.sign * eb_scale(q, g.multiplier_b, g.right_b);
    out[i] = eb_clamp(eb_scale(sum, g.multiplier, g.right) + g.zero_point, g.low, g.high);
  }
}
