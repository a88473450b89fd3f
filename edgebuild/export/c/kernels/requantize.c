/* value * multiplier / 2^31 / 2^right, rounded after each division: halves up, then halves away from zero.
   Needs |value| < 2^30 and 1 <= right <= 30. Twice the value makes the first quotient the upper word of a product. */
EB_INLINE int32_t eb_scale_down(int32_t value, int32_t multiplier, int32_t right) {
  value = (int32_t)(((int64_t)(value * 2) * multiplier + (INT64_C(1) << 31)) >> 32);
  return (value - (value < 0) + (INT32_C(1) << (right - 1))) >> right;
}

/* The same for any right <= 30; one below 1 shifts left, and wraps. */
EB_INLINE int32_t eb_scale(int32_t value, int32_t multiplier, int32_t right) {
  if (right <= 0) {
    value = (int32_t)((uint32_t)value << -right);
    return (int32_t)(((int64_t)value * multiplier + (INT64_C(1) << 30)) >> 31);
  }
  return eb_scale_down(value, multiplier, right);
}

EB_INLINE int8_t eb_clamp(int32_t value, int32_t low, int32_t high) {
  return (int8_t)(value < low ? low : value > high ? high : value);
}
