#include <arm_mve.h>

/* The rows under the kernel stand in a ring with their padding, [group of 16 channels][row of the ring][column][16]. */
struct eb_mve_depthwise {
  const int8_t *weights; /* [group][taps][16] */
  const int8_t *table;   /* [group]: 16 shifts of a byte, to the left; 16 biases, 16 multipliers of 4 bytes */
  uint16_t in_h, in_w, channels;
  uint16_t out_h, out_w;
  uint16_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  uint16_t taps;             /* of a window; even but for 3x3 */
  uint16_t columns, rows;    /* of the ring */
  int16_t pad_top, pad_left;
  int16_t in_zero_point, zero_point, low, high;
};

/* Row y of the image into its place in the ring, a row of padding where there is none. */
EB_SHARED void eb_mve_ring_row(const struct eb_mve_depthwise *g, const int8_t *in, int32_t y, int8_t *place) {
  const int32_t channels = g->channels, inside = y >= 0 && y < g->in_h;
  const int32_t fits = g->columns - g->pad_left, count = !inside ? g->columns : g->in_w < fits ? g->in_w : fits;
  const int8x16_t zero = vdupq_n_s8((int8_t)g->in_zero_point);
  const int8_t *from = in + y * g->in_w * channels;
  int8_t *to = place + (inside ? g->pad_left * 16 : 0);
  for (int32_t rest = channels; rest > 0; rest -= 16) {
    const mve_pred16_t some = vctp8q((uint32_t)rest);
    const int8_t *p = from;
    int8_t *q = to;
    for (int32_t n = count; n > 0; n--) {
      vstrbq_s8(q, inside ? vldrbq_z_s8(p, some) : zero);
      p += channels;
      q += 16;
    }
    from += 16;
    to += g->rows * g->columns * 16;
  }
}

/* Working memory: a row, then the address of every tap, then the ring. */
struct eb_mve_depthwise_work {
  struct eb_mve_row row;
  int32_t next; /* row of the image to come into the ring */
  int32_t aligned[2];
};

/* Where the window's rows stand, or all its taps. */
EB_INLINE void eb_mve_place(const struct eb_mve_depthwise *g, struct eb_mve_depthwise_work *work, const int8_t *ring,
                            int32_t top, int32_t is_3x3) {
  const int8_t **tap = (const int8_t **)(void *)(work + 1);
  for (int32_t ky = 0; ky < g->kernel_h; ky++) {
    const int8_t *place = ring + (top + ky * g->dilation_h + g->pad_top) % g->rows * g->columns * 16;
    if (is_3x3) {
      work->row.from.line[ky] = place;
      continue;
    }
    for (int32_t kx = g->kernel_w; kx > 0; kx--) {
      *tap++ = place;
      place += g->dilation_w * 16;
    }
  }
  if (!is_3x3) {
    *tap = tap[-1]; /* one more, with weights of 0, where their number is odd */
  }
}

EB_INLINE void eb_mve_depthwise_convolve(const struct eb_mve_depthwise *g, const int8_t *in, int8_t *out,
                                         struct eb_mve_depthwise_work *work, void (*run)(const struct eb_mve_row *row),
                                         int32_t is_3x3) {
  const int32_t row_bytes = g->columns * 16, group_bytes = g->rows * row_bytes, taps = g->taps;
  int8_t *const ring = (int8_t *)(work + 1) + 4 * ((taps + 4) & ~3);
  struct eb_mve_row *const row = &work->row;
  row->channels = g->channels;
  row->step = g->stride_w * 16;
  row->zero_point = g->zero_point;
  row->low = g->low;
  row->high = g->high;
  row->count = g->out_w;
  work->next = -g->pad_top;
  for (int32_t word = (g->channels + 15) / 16 * group_bytes / 4; word > 0; word--) {
    ((uint32_t *)(void *)ring)[word - 1] = UINT32_C(0x01010101) * (uint8_t)g->in_zero_point;
  }
  for (int32_t y = 0; y < g->out_h; y++) {
    const int32_t top = y * g->stride_h - g->pad_top;
    work->next = work->next < top ? top : work->next;
    for (; work->next < top + g->rows; work->next++) {
      eb_mve_ring_row(g, in, work->next, ring + (work->next + g->pad_top) % g->rows * row_bytes);
    }
    eb_mve_place(g, work, ring, top, is_3x3);
    row->weights = g->weights + (is_3x3 ? 64 : 0);
    row->table = g->table;
    row->out = out;
    for (row->rest = g->channels; row->rest > 0; row->rest -= 16) {
      const int32_t group = (g->channels - row->rest) / 16;
      if (!is_3x3) {
        row->from.any.taps = (const int8_t *const *)(void *)(work + 1);
        row->from.any.pairs = taps / 2;
        row->from.any.moved = group * group_bytes;
      }
      run(row);
      for (int32_t i = 0; i < 3 && is_3x3; i++) {
        row->from.line[i] += group_bytes;
      }
      row->weights += taps * 16;
      row->table += 144;
      row->out += 16;
    }
    out += g->out_w * g->channels;
  }
}

#define EB_MVE_DEPTHWISE(name, row, is_3x3)                                                                          \
  EB_SHARED void name(const struct eb_mve_depthwise *g, const int8_t *in, int8_t *out,                               \
                      struct eb_mve_depthwise_work *work) {                                                          \
    eb_mve_depthwise_convolve(g, in, out, work, row, is_3x3);                                                        \
  }
