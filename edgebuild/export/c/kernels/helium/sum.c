#if defined(__ARM_FEATURE_MVE)
/* Sums and differences, four values at a time; all of `g` becomes constants. */
EB_INLINE void eb_mve_sum_run(const struct eb_sum g, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b,
                              int8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)(count - i));
    int32x4_t p = vsubq_n_s32(eb_mve_load(a + i * step_a, step_a, lanes), g.zero_point_a);
    int32x4_t q = vsubq_n_s32(eb_mve_load(b + i * step_b, step_b, lanes), g.zero_point_b);
    p = eb_mve_scale(vshlq_n_s32(p, 20), g.multiplier_a, g.right_a);
    q = eb_mve_scale(vshlq_n_s32(q, 20), g.multiplier_b, g.right_b);
    p = g.sign > 0 ? vaddq_s32(p, q) : vsubq_s32(p, q);
    eb_mve_store(out + i, eb_mve_scale(p, g.multiplier, g.right), g.zero_point, g.low, g.high, lanes);
  }
}
#endif
