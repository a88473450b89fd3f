/* Depthwise convolution on Helium, 16 channels at a time. Products of bytes have 16 bits, and so has the sum of two unless
   both weights are -128; vector instructions that widen take every other lane, so that the four vectors of sums hold
   lanes 0 4 8 12, 2 6 10 14, 1 5 9 13 and 3 7 11 15, and so do the tables. */
/* A row of the output for one group of channels. */
struct eb_mve_row {
  union {
    const int8_t *line[3]; /* 3x3: the rows of the kernel in the ring */
    struct {
      const int8_t *const *taps;
      int32_t pairs, moved; /* pairs of taps; bytes from the first group's places to this one's */
    } any;
  } from;
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

/* 3x3 without gaps; `weights` points to the fifth tap, `two` and `three` are places of the second and third of a row. */
#define EB_MVE_ROW_3X3(two, three, sign, clamp)                                                                      \
  "dls lr, r11\n"                                                                                                    \
  "1:" EB_MVE_BIAS EB_MVE_PRODUCT("[r0]", "[r3, #-64]") EB_MVE_SECOND_PRODUCT("[r0, #" two "]", "[r3, #-48]")        \
  EB_MVE_WIDEN EB_MVE_PRODUCT("[r0, #" three "]", "[r3, #-32]") EB_MVE_SECOND_PRODUCT("[r1]", "[r3, #-16]")          \
  EB_MVE_WIDEN EB_MVE_PRODUCT("[r1, #" two "]", "[r3]") EB_MVE_SECOND_PRODUCT("[r1, #" three "]", "[r3, #16]")       \
  EB_MVE_WIDEN EB_MVE_PRODUCT("[r2]", "[r3, #32]") EB_MVE_SECOND_PRODUCT("[r2, #" two "]", "[r3, #48]") EB_MVE_WIDEN \
  EB_MVE_PRODUCT("[r2, #" three "]", "[r3, #64]") EB_MVE_WIDEN                                                       \
  "add r0, r0, r7\n add r1, r1, r7\n add r2, r2, r7\n" EB_MVE_VALUES(sign, clamp) "le lr, 1b\n"

/* Any window: r0 the addresses of its taps, r1 the number of their pairs, r2 how far the window has moved. */
#define EB_MVE_ROW_ANY(sign, clamp)                                                                                  \
  "1: push {r0, r3}\n dls lr, r1\n" EB_MVE_BIAS                                                                      \
  "2: ldr r12, [r0], #4\n add r12, r12, r2\n" EB_MVE_PRODUCT("[r12]", "[r3], #16")                                   \
  "ldr r12, [r0], #4\n add r12, r12, r2\n" EB_MVE_SECOND_PRODUCT("[r12]", "[r3], #16") EB_MVE_WIDEN "le lr, 2b\n"    \
  "pop {r0, r3}\n add r2, r2, r7\n" EB_MVE_VALUES(sign, clamp) "subs r11, r11, #1\n bne 1b\n"
