/* round(value / scale) + zero point, halves away from zero, clamped; what is no number becomes the smallest value. */
EB_INLINE int32_t eb_quantize(const int8_t *in, float scale, int32_t zero_point, int32_t low, int32_t high) {
  float value;
  int32_t rounded;
  memcpy(&value, in, sizeof value);
  value /= scale;
  if (!(value > -1e6f)) {
    return low;
  }
  if (value > 1e6f) {
    return high;
  }
  rounded = (int32_t)value;
  value -= (float)rounded;
  rounded += (value >= 0.5f) - (value <= -0.5f) + zero_point;
  return rounded < low ? low : rounded > high ? high : rounded;
}
