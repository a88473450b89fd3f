/* The same product of two rows with weights that are indices of 4 bits into a table of values: two a byte, the low half
   first, and a row begins with a byte. */
EB_SHARED void eb_rows_codebook(const struct eb_matrix *table, const int8_t *values, const int8_t *a, const int8_t *b,
                                int8_t *out_a, int8_t *out_b) {
  const struct eb_matrix m = *table;
  const uint8_t *w = (const uint8_t *)m.weights;
  for (int32_t c = 0; c < m.channels; c++) {
    int32_t sum_a = m.bias[c], sum_b = sum_a, k = 0;
    for (; k + 1 < m.depth; k += 2) {
      const int32_t pair = *w++, p = values[pair & 15], q = values[pair >> 4];
      sum_a += a[k] * p + a[k + 1] * q;
      sum_b += b[k] * p + b[k + 1] * q;
    }
    if (k < m.depth) {
      const int32_t p = values[*w++ & 15];
      sum_a += a[k] * p;
      sum_b += b[k] * p;
    }
    out_a[c] = eb_clamp(eb_scale(sum_a, m.multiplier[c], m.right[c]) + m.zero_point, m.low, m.high);
    out_b[c] = eb_clamp(eb_scale(sum_b, m.multiplier[c], m.right[c]) + m.zero_point, m.low, m.high);
  }
}

EB_SHARED void eb_convolve_codebook(const struct eb_convolution *g, const int8_t *values, const int8_t *in,
                                    int8_t *out, int8_t *rows) {
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
    eb_rows_codebook(&g->matrix, values, rows, rows + second * g->matrix.depth, out, out + second * g->out_c);
    out += (1 + second) * g->out_c;
  }
}
