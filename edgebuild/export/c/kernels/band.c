/* The rows under a kernel, for one row of the output, laid out so that every window is one run of bytes: column after
   column, each with its values of all kernel rows. With dilation, columns of one remainder stand together. Padding counts
   as the input's zero point. */
struct eb_band {
  uint16_t in_h, in_w, in_c;
  uint16_t depth; /* channels to take */
  uint16_t kernel_h, stride_h, dilation_h, dilation_w;
  uint16_t stride_w;
  uint16_t columns; /* of one remainder */
  int16_t pad_top, pad_left;
  int16_t zero_point;
};

EB_INLINE void eb_band_pad(int8_t *to, uint32_t zeros, int32_t depth) {
  for (; depth >= 4; depth -= 4) {
    memcpy(to, &zeros, 4);
    to += 4;
  }
  for (; depth > 0; depth--) {
    *to++ = (int8_t)zeros;
  }
}

/* Made for one depth by EB_BAND(depth). */
EB_INLINE void eb_band_fill(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band, int32_t depth) {
  const int32_t column = g->kernel_h * depth, in_c = g->in_c, in_w = g->in_w, step = g->dilation_w;
  const uint32_t zeros = UINT32_C(0x01010101) * (uint8_t)g->zero_point;
  int32_t y = row * g->stride_h - g->pad_top;
  for (int32_t ky = g->kernel_h; ky > 0; ky--) {
    const int8_t *line = y < 0 || y >= g->in_h ? 0 : in + y * in_w * in_c;
    int8_t *to = band;
    for (int32_t first = 0; first < step; first++) {
      int32_t x = first - g->pad_left;
      for (int32_t n = g->columns; n > 0;) {
        int32_t inside = line == 0 || x < 0 || x >= in_w ? 0 : (in_w - 1 - x) / step + 1;
        if (inside == 0) {
          eb_band_pad(to, zeros, depth);
          to += column;
          x += step;
          n--;
          continue;
        }
        inside = inside < n ? inside : n;
        n -= inside;
        const int8_t *from = line + x * in_c;
        x += inside * step;
        if (depth == 3 && ky > 1 && y + 1 < g->in_h) {
#pragma GCC unroll 4
          for (; inside > 0; inside--) { /* one byte too many, where the next row of the kernel comes */
            memcpy(to, from, 4);
            to += column;
            from += step * in_c;
          }
        }
#pragma GCC unroll 2
        for (; inside > 0; inside--) {
          memcpy(to, from, (size_t)depth);
          to += column;
          from += step * in_c;
        }
      }
    }
    band += depth;
    y += g->dilation_h;
  }
}

/* Where the window of an output column begins, with dilation. */
EB_INLINE const int8_t *eb_band_window(const struct eb_band *g, const int8_t *band, int32_t column) {
  const int32_t x = column * g->stride_w, step = g->dilation_w;
  return band + (x % step * g->columns + x / step) * g->kernel_h * g->depth;
}

#define EB_BAND(size)                                                                                                \
  EB_SHARED void eb_band_##size(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band) {              \
    eb_band_fill(g, in, row, band, size);                                                                            \
  }
