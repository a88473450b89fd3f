/* A convolution with weights of 4 bits: the window of one pixel at a time becomes a row. */
EB_SHARED void eb_convolve_int4(const struct eb_convolution *g, const int8_t *in, int8_t *out, int8_t *row) {
  int32_t y = -g->pad_top;
  for (int32_t line = 0; line < g->out_h; line++) {
    int32_t x = -g->pad_left;
    for (int32_t column = 0; column < g->out_w; column++) {
      (void)eb_gather(&g->window, in, y, x, row);
      eb_rows_int4(&g->matrix, row, out);
      out += g->out_c;
      x += g->stride_w;
    }
    y += g->stride_h;
  }
}
