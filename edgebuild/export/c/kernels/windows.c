/* The windows of a convolution, three pixels at a time: what the kernels of the DSP extension and of Helium share. */
struct eb_triple {
  const int8_t *window[3];
  int8_t *out[3];
};

/* The first member of what a kernel knows of a convolution. */
struct eb_windows {
  void (*block)(const struct eb_windows *g, struct eb_triple *t); /* computes three pixels; may move `out` */
  void (*fill)(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band); /* 0: windows are pixels */
  const struct eb_band *band;
  int32_t line;             /* bytes from one row of windows to the next, where they are pixels */
  uint16_t step;            /* bytes from one window to the next */
  uint16_t kept;            /* words of a window */
  uint16_t out_h, out_w, out_c;
};

/* `kept` has room for the two windows that a row may leave over, then for the band. A step takes three pixels, across the
   ends of rows; where the last has fewer, a missing one is the one before it again. */
EB_SHARED void eb_each_window(const struct eb_windows *g, const int8_t *in, int8_t *out, struct eb_triple *t,
                              int8_t *kept) {
  const int32_t words = g->kept, step = g->step, out_c = g->out_c;
  int8_t *const band = kept + 8 * words;
  int32_t filled = 0;
  for (int32_t row = 0; row < g->out_h; row++) {
    const int8_t *window = in;
    if (g->fill != 0) {
      for (int32_t i = 0; i < filled; i++) { /* the band is about to change */
        for (int32_t word = 0; word < words; word++) {
          memcpy(kept + 4 * (words * i + word), t->window[i] + 4 * word, 4);
        }
        t->window[i] = kept + 4 * words * i;
      }
      g->fill(g->band, in, row, band);
      window = band;
    } else {
      in += g->line;
    }
    for (int32_t x = 0; x < g->out_w;) {
      if (filled == 0 && step != 0 && x + 3 <= g->out_w) {
        for (int32_t i = 0; i < 3; i++) {
          t->window[i] = window;
          t->out[i] = out;
          window += step;
          out += out_c;
        }
        x += 3;
        g->block(g, t);
        continue;
      }
      t->window[filled] = step == 0 ? eb_band_window(g->band, band, x) : window;
      t->out[filled] = out;
      window += step;
      out += out_c;
      x++;
      filled = (filled + 1) % 3;
      if (filled == 0) {
        g->block(g, t);
      }
    }
  }
  if (filled > 0) {
    for (; filled < 3; filled++) {
      t->window[filled] = t->window[filled - 1];
      t->out[filled] = t->out[filled - 1];
    }
    g->block(g, t);
  }
}
