/* A convolution on the DSP extension: three pixels at a time become columns, and every pair of channels is a tile. */
struct eb_dsp_convolution {
  void (*tile)(const void *stream, const struct eb_dsp_tile *t);
  const int32_t *stream; /* see tile.c */
  const int32_t *last;   /* the last two channels again, where their number is odd; else 0 */
  uint16_t in_h, in_w, in_c;
  uint16_t out_h, out_w, out_c; /* of the whole image */
  uint16_t channels;            /* to compute */
  uint16_t depth;               /* input channels to read */
  uint16_t steps;               /* of a depth of 4, kernel included */
  uint8_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int16_t pad_top, pad_left;
  int16_t zero_point; /* of the input */
  int16_t out_zero_point, low, high;
};

EB_INLINE int8_t *eb_dsp_copy(int8_t *to, const int8_t *from, int32_t bytes) {
  for (; bytes >= 4; bytes -= 4) {
    memcpy(to, from, 4);
    to += 4;
    from += 4;
  }
  for (; bytes > 0; bytes--) {
    *to++ = *from++;
  }
  return to;
}

EB_INLINE int8_t *eb_dsp_fill(int8_t *to, int32_t value, int32_t bytes) {
  for (; bytes > 0; bytes--) {
    *to++ = (int8_t)value;
  }
  return to;
}

/* The window of a pixel becomes a row of bytes, filled up to whole words; padding counts as the zero point. */
EB_SHARED void eb_dsp_row(const struct eb_dsp_convolution *g, const int8_t *in, int32_t top, int32_t left, int8_t *row) {
  const int32_t depth = g->depth, kernel_w = g->kernel_w, line = kernel_w * depth;
  const int32_t whole = g->dilation_w == 1 && g->in_c == depth && left >= 0 && left + kernel_w <= g->in_w;
  const int8_t *const end = row + 4 * g->steps;
  for (int32_t ky = 0; ky < g->kernel_h; ky++) {
    const int32_t y = top + ky * g->dilation_h;
    const int8_t *from = in + (y * g->in_w + left) * g->in_c;
    if (y < 0 || y >= g->in_h) {
      row = eb_dsp_fill(row, g->zero_point, line);
    } else if (whole) {
      row = eb_dsp_copy(row, from, line);
    } else {
      for (int32_t kx = 0; kx < kernel_w; kx++) {
        const int32_t x = left + kx * g->dilation_w;
        row = x < 0 || x >= g->in_w ? eb_dsp_fill(row, g->zero_point, depth) : eb_dsp_copy(row, from, depth);
        from += g->dilation_w * g->in_c;
      }
    }
  }
  while (row < end) {
    *row++ = 0;
  }
}

/* `columns` has room for 6 values of 16 bits per step and pixel pair; rows stand behind it unless `direct`, where a
   window is one pixel of whole words. */
EB_SHARED void eb_dsp_convolve(const struct eb_dsp_convolution *g, const int8_t *in, int8_t *out, int16_t *columns,
                               int32_t direct) {
  const int32_t steps = g->steps, skipped = steps == 1 ? 4 : 3 - (steps + 2) % 4;
  int8_t *const rows = (int8_t *)(columns + 12 * steps);
  int32_t pixels = g->out_h * g->out_w, column = 0, y = -g->pad_top, x = -g->pad_left;
  while (pixels > 0) {
    struct eb_dsp_tile t = {{out, out, out},
                            columns,
                            (steps + 2) / 4,
                            skipped,
                            out + (g->channels & ~1),
                            2 * g->out_zero_point + 1,
                            g->low,
                            g->high};
    const int8_t *row[3];
    for (int32_t i = 0; i < 3; i++) {
      if (i < pixels) {
        t.out[i] = out;
        row[i] = direct ? in + (y * g->in_w + x) * g->in_c : rows + 4 * steps * i;
        if (!direct) {
          eb_dsp_row(g, in, y, x, rows + 4 * steps * i);
        }
        out += g->out_c;
        x += g->stride_w;
        if (++column == g->out_w) {
          column = 0;
          x = -g->pad_left;
          y += g->stride_h;
        }
      } else {
        t.out[i] = t.out[i - 1];
        row[i] = row[i - 1];
      }
    }
    eb_dsp_columns(row[0], row[1], row[2], columns, steps);
    if (g->channels > 1) {
      g->tile(g->stream, &t);
    }
    if (g->last != 0) {
      for (int32_t i = 0; i < 3; i++) {
        t.out[i] += g->channels - 2;
      }
      t.end = t.out[0] + 2;
      g->tile(g->last, &t);
    }
    pixels -= 3;
  }
}
