/* A depthwise convolution. At every output pixel each weight reads one input pixel, or, in the padding, a row of the
   input's zero point: `taps` are pointers to these pixels. */
struct eb_depthwise {
  const int8_t *weights; /* [out_c][kernel_h * kernel_w] */
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

EB_SHARED void eb_find_taps(const struct eb_depthwise *g, const int8_t *in, const int8_t *padding, int32_t top,
                            int32_t left, const int8_t **taps) {
  const int32_t in_h = g->in_h, in_w = g->in_w, in_c = g->in_c;
  for (int32_t ky = 0; ky < g->kernel_h; ky++) {
    const int32_t inside = top >= 0 && top < in_h;
    int32_t x = left;
    for (int32_t kx = 0; kx < g->kernel_w; kx++) {
      *taps++ = inside && x >= 0 && x < in_w ? in + (top * in_w + x) * in_c : padding;
      x += g->dilation_w;
    }
    top += g->dilation_h;
  }
}
