/* A convolution on the DSP extension: the windows of three pixels become columns, and every pair of channels is a tile. */
struct eb_dsp_convolution {
  struct eb_windows windows;
  void (*tile)(const void *stream, struct eb_dsp_tile *t);
  const int32_t *stream; /* see tile.c */
  const int32_t *last;   /* the last two channels again, where their number is odd; else 0 */
  uint16_t channels;
  uint16_t steps;        /* of a depth of 4 */
  int8_t zero_point, low, high;
};

EB_SHARED void eb_dsp_block(const struct eb_windows *windows, struct eb_triple *three) {
  const struct eb_dsp_convolution *const g = (const struct eb_dsp_convolution *)(const void *)windows;
  struct eb_dsp_tile *const t = (struct eb_dsp_tile *)(void *)three;
  eb_dsp_columns(three->window[0], three->window[1], three->window[2], (int16_t *)(void *)(t + 1), g->steps);
  t->end = three->out[0] + (g->channels & ~1);
  g->tile(g->stream, t);
  if (g->last != 0) {
    for (int32_t i = 0; i < 3; i++) {
      three->out[i] += g->channels - 2;
    }
    t->end = three->out[0] + 2;
    g->tile(g->last, t);
  }
}

/* Working memory: the tile, columns, windows. */
EB_SHARED void eb_dsp_convolve(const struct eb_dsp_convolution *g, const int8_t *in, int8_t *out,
                               struct eb_dsp_tile *t) {
  const int32_t steps = g->steps;
  t->columns = (const int16_t *)(void *)(t + 1);
  t->rounds = (steps + 6) / 8;
  t->skipped = steps == 1 ? 8 : 7 - (steps + 6) % 8;
  t->twice_zero = 2 * g->zero_point + 1;
  t->low = g->low;
  t->high = g->high;
  eb_each_window(&g->windows, in, out, &t->triple, (int8_t *)(t + 1) + 24 * steps);
}
