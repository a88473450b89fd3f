#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

/* 16 values at a time through a table. */
EB_SHARED void eb_mve_lookup(const uint8_t *table, const uint8_t *in, uint8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)(count - i));
    const uint8x16_t places = vldrbq_z_u8(in + i, lanes);
    vstrbq_p_u8(out + i, vldrbq_gather_offset_z_u8(table, places, lanes), lanes);
  }
}
#endif
