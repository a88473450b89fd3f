/* A transposed convolution: every output pixel collects the input pixels that reach it. */
struct eb_transpose_convolution {
  const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *right;
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  int16_t pad_top, pad_left;
  int16_t in_zero_point, zero_point;
};

EB_SHARED void eb_transpose_convolve(const struct eb_transpose_convolution *g, const int8_t *in, int8_t *out) {
  const int32_t in_c = g->in_c, taps = g->kernel_h * g->kernel_w * in_c;
  for (int32_t row = 0; row < g->out_h; row++) {
    for (int32_t column = 0; column < g->out_w; column++) {
      const int32_t reach_y = row + g->pad_top, reach_x = column + g->pad_left;
      for (int32_t c = 0; c < g->out_c; c++) {
        int32_t sum = g->bias[c];
        for (int32_t ky = reach_y % g->stride_h; ky < g->kernel_h && ky <= reach_y; ky += g->stride_h) {
          const int32_t y = (reach_y - ky) / g->stride_h;
          if (y >= g->in_h) {
            continue;
          }
          for (int32_t kx = reach_x % g->stride_w; kx < g->kernel_w && kx <= reach_x; kx += g->stride_w) {
            const int32_t x = (reach_x - kx) / g->stride_w;
            if (x < g->in_w) {
              const int8_t *p = in + (y * g->in_w + x) * in_c;
              const int8_t *w = g->weights + c * taps + (ky * g->kernel_w + kx) * in_c;
              for (int32_t k = 0; k < in_c; k++) {
                sum += (p[k] - g->in_zero_point) * w[k];
              }
            }
          }
        }
        *out++ = eb_clamp(eb_scale(sum, g->multiplier[c], g->right[c]) + g->zero_point, -128, 127);
      }
    }
  }
}
