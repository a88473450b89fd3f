/* Depthwise convolution on the DSP extension: one input channel at a time becomes a plane of 16-bit values with its
   padding, where a word is two neighbours of a row. */
struct eb_dsp_depthwise {
  int32_t twice_zero;   /* 2 * the output's zero point + 1 */
  int32_t out_c;
  int32_t low, high;
  int32_t pairs;        /* 256 * what the loop over a row does */
  int32_t out_bytes;    /* of the image */
  void (*channel)(const int8_t *stream, const int16_t *plane, int8_t *out, const struct eb_dsp_depthwise *g);
  const int8_t *stream;
  uint16_t in_w, in_c;
  uint16_t copy_h, copy_w; /* rows and columns of the image that are read */
  uint16_t pitch, rows;    /* of the plane */
  uint16_t pad_top, pad_left;
  uint16_t factor;         /* output channels per input channel */
  uint16_t stream_bytes;   /* of a channel */
  int16_t zero_point;      /* of the input */
};

EB_SHARED void eb_dsp_plane(const struct eb_dsp_depthwise *g, const int8_t *in, int16_t *plane) {
  const int32_t step = g->in_c, line = g->in_w * step;
  plane += g->pad_top * g->pitch + g->pad_left;
  for (int32_t y = g->copy_h; y > 0; y--) {
    const int8_t *p = in;
    int16_t *q = plane;
    int32_t x = g->copy_w;
    for (; x >= 4; x -= 4) {
      const int16_t a = p[0], b = p[step], c = p[2 * step], d = p[3 * step];
      q[0] = a;
      q[1] = b;
      q[2] = c;
      q[3] = d;
      p += 4 * step;
      q += 4;
    }
    for (; x > 0; x--) {
      *q++ = *p;
      p += step;
    }
    in += line;
    plane += g->pitch;
  }
}

EB_SHARED void eb_dsp_depthwise_convolve(const struct eb_dsp_depthwise *g, const int8_t *in, int8_t *out,
                                         int16_t *plane) {
  const int8_t *stream = g->stream;
  const int32_t values = g->pitch * g->rows;
  for (int32_t i = 0; i < values; i++) {
    plane[i] = g->zero_point;
  }
  for (int32_t c = g->in_c; c > 0; c--) {
    eb_dsp_plane(g, in++, plane);
    for (int32_t i = g->factor; i > 0; i--) {
      g->channel(stream, plane, out++, g);
      stream += g->stream_bytes;
    }
  }
}
