#include <arm_mve.h>

/* A depthwise convolution of 3x3 and stride 1 with few channels: a vector holds all channels of several neighbouring
   pixels. The three rows under the kernel stand in a ring with their padding, as in the image. */
struct eb_mve_few {
  const int8_t *weights; /* [9][16] */
  const int8_t *table;
  uint16_t in_h, in_bytes;      /* of a row of the image */
  uint16_t out_h, out_bytes;
  uint16_t row_bytes;           /* of the ring */
  uint16_t first, copied;       /* bytes of a row of the ring that are padding, and that come from the image */
  int16_t pad_top, in_zero_point, zero_point, low, high;
};

/* Working memory: a row, then the ring. */
struct eb_mve_few_work {
  struct eb_mve_row row;
  int32_t aligned[3];
};

EB_SHARED void eb_mve_few_row(const struct eb_mve_few *g, const int8_t *in, int32_t y, int8_t *place) {
  const int32_t inside = y >= 0 && y < g->in_h;
  const int8_t *from = in + y * g->in_bytes;
  int8_t *to = place + (inside ? g->first : 0);
  for (int32_t rest = inside ? g->copied : g->row_bytes; rest > 0; rest -= 16) {
    const mve_pred16_t some = vctp8q((uint32_t)rest);
    vstrbq_p_s8(to, inside ? vldrbq_z_s8(from, some) : vdupq_n_s8((int8_t)g->in_zero_point), some);
    from += 16;
    to += 16;
  }
}

EB_SHARED void eb_mve_depthwise_few(const struct eb_mve_few *g, const int8_t *in, int8_t *out,
                                    struct eb_mve_few_work *work, void (*run)(const struct eb_mve_row *row)) {
  const int32_t row_bytes = g->row_bytes;
  int8_t *const ring = (int8_t *)(work + 1);
  struct eb_mve_row *const row = &work->row;
  int32_t next = -g->pad_top;
  row->weights = g->weights + 64;
  row->table = g->table;
  row->channels = 16;
  row->step = 16;
  row->zero_point = g->zero_point;
  row->low = g->low;
  row->high = g->high;
  row->count = g->out_bytes / 16;
  row->rest = 16;
  for (int32_t i = 0; i < 3; i++) {
    eb_mve_few_row(g, in, -1, ring + i * row_bytes);
  }
  for (int32_t y = 0; y < g->out_h; y++) {
    for (; next < y - g->pad_top + 3; next++) {
      eb_mve_few_row(g, in, next, ring + (next + g->pad_top) % 3 * row_bytes);
    }
    for (int32_t ky = 0; ky < 3; ky++) {
      row->from.line[ky] = ring + (y + ky) % 3 * row_bytes;
    }
    row->out = out;
    run(row);
    out += g->out_bytes;
  }
}
