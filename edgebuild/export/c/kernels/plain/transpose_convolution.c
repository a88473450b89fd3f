/* A transposed convolution: every output pixel collects the input pixels that reach it, and their weights. */
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

struct eb_tap {
  const int8_t *pixel;
  int32_t weights; /* where they begin among those of one output channel */
};

/* The taps of one output pixel; `reach_y` and `reach_x` are where its window ends, counted in strides of 1. */
EB_SHARED int32_t eb_transposed_taps(const struct eb_transpose_convolution *g, const int8_t *in, int32_t reach_y,
                                     int32_t reach_x, struct eb_tap *taps) {
  int32_t count = 0;
  for (int32_t ky = reach_y % g->stride_h; ky < g->kernel_h && ky <= reach_y; ky += g->stride_h) {
    const int32_t y = (reach_y - ky) / g->stride_h;
    for (int32_t kx = reach_x % g->stride_w; kx < g->kernel_w && kx <= reach_x; kx += g->stride_w) {
      const int32_t x = (reach_x - kx) / g->stride_w;
      if (y < g->in_h && x < g->in_w) {
        taps[count].pixel = in + (y * g->in_w + x) * g->in_c;
        taps[count].weights = (ky * g->kernel_w + kx) * g->in_c;
        count++;
      }
    }
  }
  return count;
}

EB_SHARED void eb_transpose_convolve(const struct eb_transpose_convolution *g, const int8_t *in, int8_t *out,
                                     struct eb_tap *taps) {
  const int32_t in_c = g->in_c, in_zero_point = g->in_zero_point, depth = g->kernel_h * g->kernel_w * in_c;
  for (int32_t row = 0; row < g->out_h; row++) {
    for (int32_t column = 0; column < g->out_w; column++) {
      const int32_t count = eb_transposed_taps(g, in, row + g->pad_top, column + g->pad_left, taps);
      const int8_t *channel = g->weights;
      for (int32_t c = 0; c < g->out_c; c++) {
        int32_t sum = g->bias[c];
        for (int32_t t = 0; t < count; t++) {
          const int8_t *p = taps[t].pixel, *w = channel + taps[t].weights;
          for (int32_t k = 0; k < in_c; k++) {
            sum += (p[k] - in_zero_point) * w[k];
          }
        }
        channel += depth;
        *out++ = eb_clamp(eb_scale(sum, g->multiplier[c], g->right[c]) + g->zero_point, -128, 127);
      }
    }
  }
}
