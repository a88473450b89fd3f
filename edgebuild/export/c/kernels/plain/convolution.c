/* A convolution: two pixels' windows at a time become rows, and the rows are multiplied; `rows` holds both. */
EB_SHARED void eb_convolve(const struct eb_convolution *g, const int8_t *in, int8_t *out, int8_t *rows) {
  const int32_t pixels = g->out_h * g->out_w;
  int32_t y = -g->pad_top, x = -g->pad_left, column = 0;
  for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
    int8_t *next = rows;
    const int32_t second = pixel + 1 < pixels;
    for (int32_t one = 0; one <= second; one++) {
      next = eb_gather(&g->window, in, y, x, next);
      x += g->stride_w;
      if (++column == g->out_w) {
        column = 0;
        x = -g->pad_left;
        y += g->stride_h;
      }
    }
    eb_rows(&g->matrix, rows, rows + second * g->matrix.depth, out, out + second * g->out_c);
    out += (1 + second) * g->out_c;
  }
}
