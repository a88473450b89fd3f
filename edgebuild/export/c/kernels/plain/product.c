/* Expanded in every layer: all of `g` becomes constants. */
EB_INLINE void eb_product_run(const struct eb_times g, const int8_t *a, int32_t step_a, const int8_t *b,
                              int32_t step_b, int8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t p = a[i * step_a] - g.zero_point_a;
    const int32_t value = g.keep_positive && p >= 0
                              ? eb_scale(p, g.multiplier_positive, g.right_positive)
                              : eb_scale(p * (b[i * step_b] - g.zero_point_b), g.multiplier, g.right);
    out[i] = eb_clamp(value + g.zero_point, g.low, g.high);
  }
}
