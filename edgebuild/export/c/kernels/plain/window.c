/* Copies the part of an image under a kernel into one row; padding counts as the input's zero point. */
struct eb_window {
  uint16_t in_h, in_w, in_c;    /* of the image */
  uint16_t kernel_h, kernel_w;
  uint16_t dilation_h, dilation_w;
  uint16_t depth;               /* channels to take */
  int16_t zero_point;
};

EB_SHARED int8_t *eb_gather(const struct eb_window *g, const int8_t *in, int32_t top, int32_t left, int8_t *row) {
  const int32_t depth = g->depth, kernel_w = g->kernel_w;
  const int32_t whole = g->dilation_w == 1 && g->in_c == g->depth && left >= 0 && left + kernel_w <= g->in_w;
  for (int32_t ky = 0; ky < g->kernel_h; ky++) {
    const int32_t y = top + ky * g->dilation_h;
    if (y < 0 || y >= g->in_h) {
      memset(row, g->zero_point, (size_t)(kernel_w * depth));
      row += kernel_w * depth;
    } else if (whole) {
      memcpy(row, in + (y * g->in_w + left) * depth, (size_t)(kernel_w * depth));
      row += kernel_w * depth;
    } else {
      for (int32_t kx = 0; kx < kernel_w; kx++) {
        const int32_t x = left + kx * g->dilation_w;
        if (x < 0 || x >= g->in_w) {
          memset(row, g->zero_point, (size_t)depth);
        } else {
          memcpy(row, in + (y * g->in_w + x) * g->in_c, (size_t)depth);
        }
        row += depth;
      }
    }
  }
  return row;
}
