#if defined(__ARM_FEATURE_MVE)
/* Products, four values at a time; all of `g` becomes constants. */
EB_INLINE void eb_mve_product_run(const struct eb_times g, const int8_t *a, int32_t step_a, const int8_t *b,
                                  int32_t step_b, int8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)(count - i));
    const int32x4_t p = vsubq_n_s32(eb_mve_load(a + i * step_a, step_a, lanes), g.zero_point_a);
    const int32x4_t q = vsubq_n_s32(eb_mve_load(b + i * step_b, step_b, lanes), g.zero_point_b);
    const int32x4_t scaled = eb_mve_scale(vmulq_s32(p, q), g.multiplier, g.right);
    eb_mve_store(out + i, scaled, g.zero_point, g.low, g.high, lanes);
  }
}
#endif
