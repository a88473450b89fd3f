/* A convolution on Helium. */
struct eb_mve_convolution {
  void (*fill)(const struct eb_band *g, const int8_t *in, int32_t row, int8_t *band); /* 0: windows are pixels */
  const int8_t *stream;      /* see matrix.c */
  const int32_t *multiplier;
  const int8_t *shift;       /* to the left: negative */
  struct eb_band band;
  uint16_t out_h, out_w, out_c; /* of the whole image */
  uint16_t channels;            /* to compute */
  uint16_t depth;               /* kernel included */
  int16_t zero_point, low, high;
};

/* Working memory: sums, the tile, where values go, what a row leaves over, a band. */
struct eb_mve_work {
  int32_t sums[3 * EB_MVE_CHANNELS];
  struct eb_mve_tile tile;
  int8_t *out[3];
  int32_t filled;
};

/* Halves go away from zero: one less for negative values. Where the clamp begins at the zero point, they end there anyway. */
EB_INLINE int32x4_t eb_mve_scale(int32x4_t value, int32x4_t multiplier, int32x4_t shift, int32_t is_relu) {
  value = vqrdmulhq_s32(value, multiplier);
  if (!is_relu) {
    value = vaddq_s32(value, vshrq_n_s32(value, 31));
  }
  return vrshlq_s32(value, shift);
}

EB_INLINE void eb_mve_finish(const struct eb_mve_convolution *g, const struct eb_mve_work *work, int32_t first,
                             int32_t count, int32_t is_relu) {
  const int32x4_t low = vdupq_n_s32(g->low), high = vdupq_n_s32(g->high);
  const int32_t *sums = work->sums, *multiplier = g->multiplier + first;
  const int8_t *shift = g->shift + first;
  int8_t *a = work->out[0] + first, *b = work->out[1] + first, *c = work->out[2] + first;
  for (; count > 0; count -= 4) {
    const mve_pred16_t some = vctp32q((uint32_t)count);
    const int32x4_t m = vldrwq_z_s32(multiplier, some), s = vldrbq_z_s32(shift, some);
    int32x4_t v = eb_mve_scale(vldrwq_s32(sums), m, s, is_relu);
    v = vminq_s32(vmaxq_s32(vaddq_n_s32(v, g->zero_point), low), high);
    vstrbq_p_s32(a, v, some);
    v = eb_mve_scale(vldrwq_s32(sums + EB_MVE_CHANNELS), m, s, is_relu);
    v = vminq_s32(vmaxq_s32(vaddq_n_s32(v, g->zero_point), low), high);
    vstrbq_p_s32(b, v, some);
    v = eb_mve_scale(vldrwq_s32(sums + 2 * EB_MVE_CHANNELS), m, s, is_relu);
    v = vminq_s32(vmaxq_s32(vaddq_n_s32(v, g->zero_point), low), high);
    vstrbq_p_s32(c, v, some);
    sums += 4;
    multiplier += 4;
    shift += 4;
    a += 4;
    b += 4;
    c += 4;
  }
}

/* One to three pixels; a missing one is the one before it again. */
EB_SHARED void eb_mve_block(const struct eb_mve_convolution *g, struct eb_mve_work *work) {
  const int8_t *stream = g->stream;
  struct eb_mve_tile *const t = &work->tile;
  for (int32_t i = work->filled; i < 3; i++) {
    work->out[i] = work->out[i - 1];
    t->window[i] = t->window[i - 1];
  }
  work->filled = 0;
  for (int32_t first = 0; first < g->channels; first += EB_MVE_CHANNELS) {
    const int32_t rest = g->channels - first, count = rest < EB_MVE_CHANNELS ? rest : EB_MVE_CHANNELS;
    t->end = work->sums + ((count + 1) & ~1);
    stream = eb_mve_pairs(stream, t);
    if (g->low == g->zero_point) {
      eb_mve_finish(g, work, first, count, 1);
    } else {
      eb_mve_finish(g, work, first, count, 0);
    }
  }
}

EB_SHARED void eb_mve_convolve(const struct eb_mve_convolution *g, const int8_t *in, int8_t *out,
                               struct eb_mve_work *work) {
  const int32_t bytes = (g->depth + 15) & ~15;
  int8_t *const kept = (int8_t *)(work + 1), *const band = kept + 2 * bytes;
  const int8_t *line = in;
  struct eb_mve_tile *const t = &work->tile;
  t->depth = g->depth;
  t->spare = bytes - g->depth;
  t->sums = work->sums;
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
      work->out[work->filled] = out;
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
