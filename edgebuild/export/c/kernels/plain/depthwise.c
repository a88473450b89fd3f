/* A depthwise convolution, channel by channel at every pixel; padding counts as the input's zero point. */
struct eb_depthwise {
  const int8_t *weights; /* [kernel_h][kernel_w][out_c] */
  const int32_t *bias;   /* minus the input's zero point times the weights */
  const int32_t *multiplier;
  const int8_t *right;
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c;
  uint16_t kernel_h, kernel_w;
  uint16_t stride_h, stride_w;
  uint16_t dilation_h, dilation_w;
  uint16_t factor; /* output channels per input channel */
  int16_t pad_top, pad_left;
  int16_t in_zero_point, zero_point;
  int16_t low, high;
};

/* One output pixel whose window lies inside the image. */
EB_SHARED void eb_depthwise_inner(const struct eb_depthwise *table, const int8_t *in, int8_t *out) {
  const struct eb_depthwise g = *table;
  const int32_t out_c = g.out_c, row = g.dilation_h * g.in_w * g.in_c, step = g.dilation_w * g.in_c;
  int32_t repeat = g.factor;
  for (int32_t c = 0; c < out_c; c++) {
    const int8_t *w = g.weights + c;
    const int8_t *line = in;
    int32_t sum = g.bias[c];
    for (int32_t ky = g.kernel_h; ky > 0; ky--) {
      const int8_t *p = line;
      for (int32_t kx = g.kernel_w; kx > 0; kx--) {
        sum += *p * *w;
        p += step;
        w += out_c;
      }
      line += row;
    }
    out[c] = eb_clamp(eb_scale(sum, g.multiplier[c], g.right[c]) + g.zero_point, g.low, g.high);
    if (--repeat == 0) {
      repeat = g.factor;
      in++;
    }
  }
}

/* One output pixel whose window reaches over an edge; `top` and `left` may lie outside. */
EB_SHARED void eb_depthwise_edge(const struct eb_depthwise *g, const int8_t *in, int8_t *out, int32_t top,
                                 int32_t left) {
  const int32_t out_c = g->out_c;
  int32_t channel = 0, repeat = g->factor;
  for (int32_t c = 0; c < out_c; c++) {
    const int8_t *w = g->weights + c;
    int32_t sum = g->bias[c];
    for (int32_t ky = 0; ky < g->kernel_h; ky++) {
      const int32_t y = top + ky * g->dilation_h;
      for (int32_t kx = 0; kx < g->kernel_w; kx++) {
        const int32_t x = left + kx * g->dilation_w;
        const int32_t inside = y >= 0 && y < g->in_h && x >= 0 && x < g->in_w;
        sum += (inside ? in[(y * g->in_w + x) * g->in_c + channel] : g->in_zero_point) * *w;
        w += out_c;
      }
    }
    out[c] = eb_clamp(eb_scale(sum, g->multiplier[c], g->right[c]) + g->zero_point, g->low, g->high);
    if (--repeat == 0) {
      repeat = g->factor;
      channel++;
    }
  }
}

EB_SHARED void eb_depthwise_convolve(const struct eb_depthwise *g, const int8_t *in, int8_t *out) {
  const int32_t reach_h = (g->kernel_h - 1) * g->dilation_h, reach_w = (g->kernel_w - 1) * g->dilation_w;
  int32_t y = -g->pad_top;
  for (int32_t row = 0; row < g->out_h; row++) {
    int32_t x = -g->pad_left;
    for (int32_t column = 0; column < g->out_w; column++) {
      if (y >= 0 && x >= 0 && y + reach_h < g->in_h && x + reach_w < g->in_w) {
        eb_depthwise_inner(g, in + (y * g->in_w + x) * g->in_c, out);
      } else {
        eb_depthwise_edge(g, in, out, y, x);
      }
      out += g->out_c;
      x += g->stride_w;
    }
    y += g->stride_h;
  }
}
