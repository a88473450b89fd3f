/* A convolution on Helium. */
struct eb_mve_convolution {
  const int8_t *(*tile)(const int8_t *stream, const struct eb_mve_tile *t, int32_t part, int32_t spare);
  void (*fill)(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band); /* 0: windows are pixels */
  const int8_t *stream; /* see matrix.c */
  const int32_t *multiplier;
  const int8_t *shift;
  const int32_t *bias;
  struct eb_band band;
  uint16_t out_h, out_w, out_c; /* of the whole image */
  uint16_t channels;            /* to compute */
  uint16_t depth;               /* kernel included */
  int16_t zero_point, low, high;
};

/* Working memory: sums, the tile, a band; between them what a row leaves over. */
struct eb_mve_work {
  int32_t sums[3 * EB_MVE_CHANNELS];
  struct eb_mve_tile tile;
  int32_t filled;
};

/* One to three pixels; a missing one is the one before it again. */
EB_SHARED void eb_mve_block(const struct eb_mve_convolution *g, struct eb_mve_work *work) {
  const int8_t *stream = g->stream;
  struct eb_mve_tile *const t = &work->tile;
  const int32_t part = g->depth & 15, spare = -g->depth & 15;
  for (int32_t i = work->filled; i < 3; i++) {
    t->out[i] = t->out[i - 1];
    t->window[i] = t->window[i - 1];
  }
  work->filled = 0;
  t->multiplier = g->multiplier;
  t->shift = g->shift;
  t->bias = g->bias;
  for (int32_t rest = g->channels; rest > 0; rest -= EB_MVE_CHANNELS) {
    const int32_t count = rest < EB_MVE_CHANNELS ? rest : EB_MVE_CHANNELS;
    t->count = count;
    t->end = work->sums + ((count + 1) & ~1);
    stream = g->tile(stream, t, part, spare);
    t->multiplier += count;
    t->shift += count;
    t->bias += count;
    for (int32_t i = 0; i < 3; i++) {
      t->out[i] += count;
    }
  }
}

EB_SHARED void eb_mve_convolve(const struct eb_mve_convolution *g, const int8_t *in, int8_t *out,
                               struct eb_mve_work *work) {
  const int32_t bytes = (g->depth + 15) & ~15;
  int8_t *const kept = (int8_t *)(work + 1), *const band = kept + 2 * bytes;
  const int8_t *line = in;
  struct eb_mve_tile *const t = &work->tile;
  t->twice_depth = 2 * g->depth;
  t->sums = work->sums;
  t->zero_point = g->zero_point;
  t->low = g->low;
  t->high = g->high;
  work->filled = 0;
  for (int32_t row = 0; row < g->out_h; row++) {
    if (g->fill != 0) {
      for (int32_t i = 0; i < work->filled; i++) { /* the band is about to change */
        t->window[i] = memcpy(kept + i * bytes, t->window[i], g->depth);
      }
      g->fill(&g->band, in, row, band);
    } else {
      line = in + row * g->band.stride_h * g->band.in_w * g->band.in_c;
    }
    for (int32_t x = 0; x < g->out_w; x++) {
      t->window[work->filled] =
          g->fill != 0 ? eb_band_window(&g->band, band, x) : line + x * g->band.stride_w * g->band.in_c;
      t->out[work->filled] = out;
      out += g->out_c;
      if (++work->filled == 3) {
        eb_mve_block(g, work);
      }
    }
  }
  if (work->filled > 0) {
    eb_mve_block(g, work);
  }
}
