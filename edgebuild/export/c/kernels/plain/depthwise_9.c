EB_SHARED void eb_depthwise_9_pixel(const struct eb_depthwise *g, const int8_t **taps, int8_t *out) {
  const int32_t out_c = g->out_c, zero_point = g->zero_point, low = g->low, high = g->high;
  const int8_t *w = g->weights;
  for (int32_t c = 0; c < out_c; c++) {
    int32_t sum = g->bias[c];
    sum += taps[0][c] * w[0];
    sum += taps[1][c] * w[1];
    sum += taps[2][c] * w[2];
    sum += taps[3][c] * w[3];
    sum += taps[4][c] * w[4];
    sum += taps[5][c] * w[5];
    sum += taps[6][c] * w[6];
    sum += taps[7][c] * w[7];
    sum += taps[8][c] * w[8];
    w += 9;
    out[c] = eb_clamp(eb_scale(sum, g->multiplier[c], g->right[c]) + zero_point, low, high);
  }
}

/* 3x3 taps, one output channel per input channel. */
EB_SHARED void eb_depthwise_9(const struct eb_depthwise *g, const int8_t *in, int8_t *out, int8_t *padding) {
  const int8_t *taps[9];
  int32_t y = -g->pad_top;
  memset(padding, g->in_zero_point, g->in_c);
  for (int32_t row = 0; row < g->out_h; row++) {
    int32_t x = -g->pad_left;
    for (int32_t column = 0; column < g->out_w; column++) {
      eb_find_taps(g, in, padding, y, x, taps);
      eb_depthwise_9_pixel(g, taps, out);
      out += g->out_c;
      x += g->stride_w;
    }
    y += g->stride_h;
  }
}
