/* A convolution on the DSP extension: the windows of three pixels at a time become columns, and every pair of channels is
   a tile. */
struct eb_dsp_convolution {
  void (*tile)(const void *stream, const struct eb_dsp_tile *t);
  void (*fill)(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band); /* 0: windows are pixels */
  const int32_t *stream; /* see tile.c */
  const int32_t *last;   /* the last two channels again, where their number is odd; else 0 */
  struct eb_band band;
  uint16_t out_h, out_w, out_c; /* of the whole image */
  uint16_t channels;            /* to compute */
  uint16_t steps;               /* of a depth of 4, kernel included */
  int16_t out_zero_point, low, high;
};

/* Working memory: the tile, columns, what a row leaves over, a band. */
struct eb_dsp_work {
  struct eb_dsp_tile tile;
  const int8_t *window[3];
  int32_t filled;
};

/* One to three pixels; a missing one is the one before it again. */
EB_SHARED void eb_dsp_block(const struct eb_dsp_convolution *g, struct eb_dsp_work *work) {
  struct eb_dsp_tile *const t = &work->tile;
  for (int32_t i = work->filled; i < 3; i++) {
    t->out[i] = t->out[i - 1];
    work->window[i] = work->window[i - 1];
  }
  eb_dsp_columns(work->window[0], work->window[1], work->window[2], (int16_t *)(void *)(work + 1), g->steps);
  t->end = t->out[0] + (g->channels & ~1);
  g->tile(g->stream, t);
  if (g->last != 0) {
    for (int32_t i = 0; i < 3; i++) {
      t->out[i] += g->channels - 2;
    }
    t->end = t->out[0] + 2;
    g->tile(g->last, t);
  }
  work->filled = 0;
}

EB_SHARED void eb_dsp_convolve(const struct eb_dsp_convolution *g, const int8_t *in, int8_t *out,
                               struct eb_dsp_work *work) {
  const int32_t steps = g->steps, bytes = 4 * steps;
  int8_t *const kept = (int8_t *)(work + 1) + 6 * bytes, *const band = kept + 2 * bytes;
  const int8_t *line = in;
  struct eb_dsp_tile *const t = &work->tile;
  t->columns = (const int16_t *)(void *)(work + 1);
  t->rounds = (steps + 2) / 4;
  t->skipped = steps == 1 ? 4 : 3 - (steps + 2) % 4;
  t->twice_zero = 2 * g->out_zero_point + 1;
  t->low = g->low;
  t->high = g->high;
  work->filled = 0;
  for (int32_t row = 0; row < g->out_h; row++) {
    if (g->fill != 0) {
      for (int32_t i = 0; i < work->filled; i++) { /* the band is about to change */
        work->window[i] = memcpy(kept + i * bytes, work->window[i], (size_t)bytes);
      }
      g->fill(&g->band, in, row, band);
    } else {
      line = in + row * g->band.stride_h * g->band.in_w * g->band.in_c;
    }
    for (int32_t x = 0; x < g->out_w; x++) {
      work->window[work->filled] =
          g->fill != 0 ? eb_band_window(&g->band, band, x) : line + x * g->band.stride_w * g->band.in_c;
      t->out[work->filled] = out;
      out += g->out_c;
      if (++work->filled == 3) {
        eb_dsp_block(g, work);
      }
    }
  }
  if (work->filled > 0) {
    eb_dsp_block(g, work);
  }
}
