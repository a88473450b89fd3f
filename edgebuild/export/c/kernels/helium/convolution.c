/* A convolution on Helium. */
struct eb_mve_convolution {
  struct eb_windows windows;
  const int8_t *(*tile)(const int8_t *stream, const struct eb_mve_tile *t, int32_t part, int32_t spare);
  void (*products)(void);
  const int8_t *stream; /* see matrix.c */
  const int32_t *multiplier;
  const int8_t *shift;
  const int32_t *bias;
  uint16_t channels;
  uint16_t depth;       /* kernel included */
  int8_t zero_point, low, high;
};

/* Working memory: a tile, sums; windows follow. */
struct eb_mve_work {
  struct eb_mve_tile tile;
  int32_t sums[3 * EB_MVE_CHANNELS];
};

EB_SHARED void eb_mve_block(const struct eb_windows *windows, struct eb_triple *three) {
  const struct eb_mve_convolution *const g = (const struct eb_mve_convolution *)(const void *)windows;
  struct eb_mve_work *const work = (struct eb_mve_work *)(void *)three;
  struct eb_mve_tile *const t = &work->tile;
  const int8_t *stream = g->stream;
  t->multiplier = g->multiplier;
  t->shift = g->shift;
  t->bias = g->bias;
  for (int32_t rest = g->channels; rest > 0; rest -= EB_MVE_CHANNELS) {
    const int32_t count = rest < EB_MVE_CHANNELS ? rest : EB_MVE_CHANNELS;
    t->count = count;
    t->end = work->sums + ((count + 1) & ~1);
    stream = g->tile(stream, t, g->depth & 15, -g->depth & 15);
    t->multiplier += count;
    t->shift += count;
    t->bias += count;
    for (int32_t i = 0; i < 3; i++) {
      three->out[i] += count;
    }
  }
}

EB_SHARED void eb_mve_convolve(const struct eb_mve_convolution *g, const int8_t *in, int8_t *out,
                               struct eb_mve_work *work) {
  struct eb_mve_tile *const t = &work->tile;
  t->twice_depth = 2 * g->depth;
  t->sums = work->sums;
  t->zero_point = g->zero_point;
  t->low = g->low;
  t->high = g->high;
  t->depth = g->products;
  eb_each_window(&g->windows, in, out, &t->triple, (int8_t *)(work + 1));
}
