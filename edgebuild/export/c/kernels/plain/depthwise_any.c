/* Any kernel and number of output channels per input channel; `taps` has room for all taps. */
EB_SHARED void eb_depthwise_any(const struct eb_depthwise *g, const int8_t *in, int8_t *out, int8_t *padding,
                                const int8_t **taps) {
  const int32_t count = g->kernel_h * g->kernel_w;
  int32_t y = -g->pad_top;
  memset(padding, g->in_zero_point, g->in_c);
  for (int32_t row = 0; row < g->out_h; row++) {
    int32_t x = -g->pad_left;
    for (int32_t column = 0; column < g->out_w; column++) {
      const int8_t *w = g->weights;
      int32_t channel = 0, repeat = g->factor;
      eb_find_taps(g, in, padding, y, x, taps);
      for (int32_t c = 0; c < g->out_c; c++) {
        int32_t sum = g->bias[c];
        for (int32_t k = 0; k < count; k++) {
          sum += taps[k][channel] * *w++;
        }
        out[c] = eb_clamp(eb_scale(sum, g->multiplier[c], g->right[c]) + g->zero_point, g->low, g->high);
        if (--repeat == 0) {
          repeat = g->factor;
          channel++;
        }
      }
      out += g->out_c;
      x += g->stride_w;
    }
    y += g->stride_h;
  }
}
