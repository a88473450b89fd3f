#include <arm_mve.h>

/* A depthwise convolution on Helium, 16 channels at a time. The rows under the kernel stand in a ring with their padding,
   [group of 16 channels][row of the ring][column][16]. Products of bytes have 16 bits, and so has the sum of two unless
   both weights are -128; vector instructions that widen take every other lane, so that the four vectors of sums hold
   lanes 0 4 8 12, 2 6 10 14, 1 5 9 13 and 3 7 11 15, and so do the tables. */
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

/* A row of the output for one group of channels. */
struct eb_mve_row {
  const int8_t *line[3];  /* the rows of the kernel in the ring */
  const int8_t *weights;
  const int8_t *table;
  int8_t *out;
  int32_t channels, step; /* bytes from one pixel to the next, of the output and in the ring */
  int32_t zero_point, low, high;
  int32_t count, rest;    /* pixels; channels from this group on */
};

/* The sums are in q4-q7, products of even and odd channels in q2 and q0. */
#define EB_MVE_PRODUCT(x, w)                                                                                         \
  "vldrb.8 q0, " x "\n vldrb.8 q1, " w "\n vmullb.s8 q2, q0, q1\n vmullt.s8 q0, q0, q1\n"
#define EB_MVE_SECOND_PRODUCT(x, w)                                                                                  \
  "vldrb.8 q1, " x "\n vldrb.8 q3, " w "\n vmullb.s8 q1, q1, q3\n vadd.i16 q2, q2, q1\n vldrb.8 q1, " x              \
  "\n vmullt.s8 q1, q1, q3\n vadd.i16 q0, q0, q1\n"
#define EB_MVE_WIDEN                                                                                                 \
  "vmovlb.s16 q1, q2\n vadd.i32 q4, q4, q1\n vmovlt.s16 q2, q2\n vadd.i32 q5, q5, q2\n"                              \
  "vmovlb.s16 q1, q0\n vadd.i32 q6, q6, q1\n vmovlt.s16 q0, q0\n vadd.i32 q7, q7, q0\n"
#define EB_MVE_BIAS                                                                                                  \
  "vldrw.32 q4, [r4, #16]\n vldrw.32 q5, [r4, #32]\n vldrw.32 q6, [r4, #48]\n vldrw.32 q7, [r4, #64]\n"

/* Halves go away from zero: one less for negative values. Where the clamp begins at the zero point, they end there. */
#define EB_MVE_RELU(q)
#define EB_MVE_SIGNED(q) "vshr.s32 q0, " q ", #31\n vadd.i32 " q ", " q ", q0\n"
#define EB_MVE_SCALE(q, shift, multiplier, sign)                                                                     \
  "vldrw.32 q0, [r4, #" multiplier "]\n vqrdmulh.s32 " q ", " q ", q0\n" sign(q) "vldrb.s32 q0, [r4, #" shift        \
  "]\n vrshl.s32 " q ", " q ", q0\n"
#define EB_MVE_VALUES(sign, clamp)                                                                                   \
  EB_MVE_SCALE("q4", "0", "80", sign) EB_MVE_SCALE("q5", "4", "96", sign) EB_MVE_SCALE("q6", "8", "112", sign)       \
  EB_MVE_SCALE("q7", "12", "128", sign)                                                                              \
  "vqmovnb.s32 q0, q4\n vqmovnt.s32 q0, q5\n vqmovnb.s32 q1, q6\n vqmovnt.s32 q1, q7\n"                              \
  "vqadd.s16 q0, q0, r8\n vqadd.s16 q1, q1, r8\n vqmovnb.s16 q0, q0\n vqmovnt.s16 q0, q1\n" clamp                    \
  "vpst\n vstrbt.8 q0, [r5]\n add r5, r5, r6\n"
#define EB_MVE_NO_CLAMP
#define EB_MVE_CLAMP "vdup.8 q1, r9\n vmax.s8 q0, q0, q1\n vdup.8 q1, r10\n vmin.s8 q0, q0, q1\n"

#define EB_MVE_ROW(name, body)                                                                                       \
  EB_NAKED void name(const struct eb_mve_row *row EB_ARGUMENT) {          \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r3-r11, lr}\n"                                                                                        \
        "vpush {d8-d15}\n"                                                                                           \
        "ldm r0, {r0-r12}\n"                                                                                         \
        "vctp.8 r12\n" body                                                                                          \
        "vpop {d8-d15}\n"                                                                                            \
        "pop {r3-r11, pc}\n");                                                                                       \
  }

/* 3x3 without gaps; `weights` points to the fifth tap. */
#define EB_MVE_ROW_3X3(sign, clamp)                                                                                  \
  "dls lr, r11\n"                                                                                                    \
  "1:" EB_MVE_BIAS EB_MVE_PRODUCT("[r0]", "[r3, #-64]") EB_MVE_SECOND_PRODUCT("[r0, #16]", "[r3, #-48]")             \
  EB_MVE_WIDEN EB_MVE_PRODUCT("[r0, #32]", "[r3, #-32]") EB_MVE_SECOND_PRODUCT("[r1]", "[r3, #-16]") EB_MVE_WIDEN    \
  EB_MVE_PRODUCT("[r1, #16]", "[r3]") EB_MVE_SECOND_PRODUCT("[r1, #32]", "[r3, #16]") EB_MVE_WIDEN                   \
  EB_MVE_PRODUCT("[r2]", "[r3, #32]") EB_MVE_SECOND_PRODUCT("[r2, #16]", "[r3, #48]") EB_MVE_WIDEN                   \
  EB_MVE_PRODUCT("[r2, #32]", "[r3, #64]") EB_MVE_WIDEN                                                              \
  "add r0, r0, r7\n add r1, r1, r7\n add r2, r2, r7\n" EB_MVE_VALUES(sign, clamp) "le lr, 1b\n"

/* Any window: r0 the addresses of its taps, r1 the number of their pairs, r2 how far the window has moved. */
#define EB_MVE_ROW_ANY(sign, clamp)                                                                                  \
  "1: push {r0, r3}\n dls lr, r1\n" EB_MVE_BIAS                                                                      \
  "2: ldr r12, [r0], #4\n add r12, r12, r2\n" EB_MVE_PRODUCT("[r12]", "[r3], #16")                                   \
  "ldr r12, [r0], #4\n add r12, r12, r2\n" EB_MVE_SECOND_PRODUCT("[r12]", "[r3], #16") EB_MVE_WIDEN "le lr, 2b\n"    \
  "pop {r0, r3}\n add r2, r2, r7\n" EB_MVE_VALUES(sign, clamp) "subs r11, r11, #1\n bne 1b\n"

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
      work->row.line[ky] = place;
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
        row->line[0] = (const int8_t *)(work + 1);
        row->line[1] = (const int8_t *)0 + taps / 2;
        row->line[2] = (const int8_t *)0 + group * group_bytes;
      }
      run(row);
      for (int32_t i = 0; i < 3 && is_3x3; i++) {
        row->line[i] += group_bytes;
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
