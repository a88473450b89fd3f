/* Windows of an image, over the values that lie inside it: their mean, halves away from zero, or their maximum. */
struct eb_pool {
  uint16_t in_h, in_w, channels;
  uint16_t out_h, out_w;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  int16_t pad_top, pad_left;
  int16_t low, high;
};

EB_INLINE void eb_pool(const struct eb_pool *table, const int8_t *in, int8_t *out, int32_t is_mean) {
  const struct eb_pool g = *table;
  const int32_t channels = g.channels;
  for (int32_t row = 0; row < g.out_h; row++) {
    const int32_t y = row * g.stride_h - g.pad_top;
    const int32_t top = y < 0 ? 0 : y, bottom = y + g.kernel_h < g.in_h ? y + g.kernel_h : g.in_h;
    for (int32_t column = 0; column < g.out_w; column++) {
      const int32_t x = column * g.stride_w - g.pad_left;
      const int32_t left = x < 0 ? 0 : x, right = x + g.kernel_w < g.in_w ? x + g.kernel_w : g.in_w;
      const int32_t count = (bottom - top) * (right - left);
      for (int32_t c = 0; c < channels; c++) {
        int32_t result = is_mean ? 0 : -128;
        for (int32_t v = top; v < bottom; v++) {
          const int8_t *p = in + (v * g.in_w + left) * channels + c;
          for (int32_t u = left; u < right; u++) {
            result = is_mean ? result + *p : *p > result ? *p : result;
            p += channels;
          }
        }
        if (is_mean) {
          result = result > 0 ? (result + count / 2) / count : (result - count / 2) / count;
        }
        *out++ = eb_clamp(result, g.low, g.high);
      }
    }
  }
}
