/* The mean of every window, over the values that lie inside the image; halves away from zero. */
struct eb_pool {
  uint16_t in_h, in_w, channels;
  uint16_t out_h, out_w;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  int16_t pad_top, pad_left;
  int16_t low, high;
};

EB_SHARED void eb_average_pool(const struct eb_pool *g, const int8_t *in, int8_t *out) {
  const int32_t channels = g->channels;
  for (int32_t row = 0; row < g->out_h; row++) {
    const int32_t y = row * g->stride_h - g->pad_top;
    const int32_t top = y < 0 ? 0 : y, bottom = y + g->kernel_h < g->in_h ? y + g->kernel_h : g->in_h;
    for (int32_t column = 0; column < g->out_w; column++) {
      const int32_t x = column * g->stride_w - g->pad_left;
      const int32_t left = x < 0 ? 0 : x, right = x + g->kernel_w < g->in_w ? x + g->kernel_w : g->in_w;
      const int32_t count = (bottom - top) * (right - left);
      for (int32_t c = 0; c < channels; c++) {
        int32_t sum = 0;
        for (int32_t v = top; v < bottom; v++) {
          const int8_t *p = in + (v * g->in_w + left) * channels + c;
          for (int32_t u = left; u < right; u++) {
            sum += *p;
            p += channels;
          }
        }
        sum = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
        *out++ = eb_clamp(sum, g->low, g->high);
      }
    }
  }
}
