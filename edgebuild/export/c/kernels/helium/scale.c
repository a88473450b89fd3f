#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

/* What `eb_scale` does, for four values and `right` from 0 on. */
EB_INLINE int32x4_t eb_mve_scale(int32x4_t values, int32_t multiplier, int32_t right) {
  values = vqrdmulhq_n_s32(values, multiplier);
  if (right > 0) {
    values = vrshlq_n_s32(vaddq_s32(values, vshrq_n_s32(values, 31)), -right);
  }
  return values;
}

/* Four values, or what `lanes` is of them; the one value of an input that does not move. */
EB_INLINE int32x4_t eb_mve_load(const int8_t *from, int32_t step, mve_pred16_t lanes) {
  return step ? vldrbq_z_s32(from, lanes) : vdupq_n_s32(*from);
}

EB_INLINE void eb_mve_store(int8_t *to, int32x4_t values, int32_t zero_point, int32_t low, int32_t high,
                            mve_pred16_t lanes) {
  values = vaddq_n_s32(values, zero_point);
  values = vminq_s32(vmaxq_s32(values, vdupq_n_s32(low)), vdupq_n_s32(high));
  vstrbq_p_s32(to, values, lanes);
}
#endif
