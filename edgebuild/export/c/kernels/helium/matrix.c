/* The matrix product of Helium: three pixels times two output channels at a time, 16 products per instruction.
   `stream` holds, for each pair of channels, the weights of one, then those of the other. */
#define EB_MVE_CHANNELS 32 /* sums that wait to be scaled, per pixel */

struct eb_mve_tile {
  const int8_t *window[3];
  int32_t twice_depth;
  int32_t *sums;         /* [3][EB_MVE_CHANNELS] */
  int32_t *end;          /* behind the last pair of sums */
  const int32_t *multiplier;
  const int8_t *shift;   /* to the left: negative */
  const int32_t *bias;
  int8_t *out[3];
  int32_t count, zero_point, low, high;
};

/* r0 r2 r4 sums of the first channel, r6 r8 r10 of the second, r1 r3 r5 windows, r7 r9 weights, r11 twice the depth, r12
   where sums go, lr their end. */
#define EB_MVE_VECTOR(add, place)                                                                                    \
  "vldrb.8 q0, [r7" place "\n vldrb.8 q2, [r1" place "\n vmladav" add ".s8 r0, q0, q2\n vldrb.8 q1, [r9" place       \
  "\n vmladav" add ".s8 r6, q1, q2\n vldrb.8 q3, [r3" place "\n vmladav" add ".s8 r2, q0, q3\n vmladav" add          \
  ".s8 r8, q1, q3\n vldrb.8 q2, [r5" place "\n vmladav" add ".s8 r4, q0, q2\n vmladav" add ".s8 r10, q1, q2\n"
#define EB_MVE_PART(add, place)                                                                                      \
  "vpsttt\n vldrbt.8 q0, [r7" place "\n vldrbt.8 q2, [r1" place "\n vldrbt.8 q1, [r9" place "\n vmladav" add         \
  ".s8 r0, q0, q2\n vmladav" add ".s8 r6, q1, q2\n vpstt\n vldrbt.8 q3, [r3" place "\n vldrbt.8 q2, [r5" place       \
  "\n vmladav" add ".s8 r2, q0, q3\n vmladav" add ".s8 r8, q1, q3\n vmladav" add ".s8 r4, q0, q2\n vmladav" add      \
  ".s8 r10, q1, q2\n"
/* Windows of up to 128 values, unrolled; the last vector in part, or whole. */
#define EB_MVE_UNROLLED(vectors) vectors "add r7, r7, r11\n add r9, r9, r11\n"
/* Any number of values from 16 on: one vector, then what remains. The struct's address lies at sp. */
#define EB_MVE_LOOP                                                                                                  \
  "ldr r1, [sp]\n ldm r1, {r1, r3, r5}\n" EB_MVE_VECTOR("", "], #16")                                                \
  "lsr lr, r11, #1\n sub lr, lr, #16\n wlstp.8 lr, lr, 3f\n 2:" EB_MVE_VECTOR("a", "], #16")                         \
  "letp lr, 2b\n 3: ldr r1, [sp, #4]\n sub r7, r9, r1\n add r9, r7, r11, lsr #1\n ldr r1, [sp]\n ldr lr, [r1, #20]\n"

/* Halves go away from zero: one less for negative values. Where the clamp begins at the zero point, they end there. */
#define EB_MVE_RELU_SUMS
#define EB_MVE_SIGNED_SUMS "vshr.s32 q6, q3, #31\n vadd.i32 q3, q3, q6\n"
#define EB_MVE_FINISH(sums, out, sign)                                                                               \
  "vldrw.32 q3, [r0" sums "\n vadd.i32 q3, q3, q2\n vqrdmulh.s32 q3, q3, q0\n" sign                                  \
  "vrshl.s32 q3, q3, q1\n vadd.i32 q3, q3, r10\n vmax.s32 q3, q3, q4\n vmin.s32 q3, q3, q5\n vstrb.32 q3, [" out     \
  "], #4\n"

/* Computes `count` channels of three pixels and returns the stream behind them; `part` is the depth beyond whole
   vectors, `spare` what whole vectors exceed the depth by. */
#define EB_MVE_TILE(name, depth, sign)                                                                               \
  static __attribute__((naked, noinline)) const int8_t *name(                                                        \
      const int8_t *stream __attribute__((unused)), const struct eb_mve_tile *t __attribute__((unused)),             \
      int32_t part __attribute__((unused)), int32_t spare __attribute__((unused))) {                                 \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r11, lr}\n"                                                                                        \
        "vpush {d8-d13}\n"                                                                                           \
        "push {r1, r3}\n"                                                                                            \
        "vctp.8 r2\n"                                                                                                \
        "mov r7, r0\n"                                                                                               \
        "ldm r1, {r1, r3, r5, r11, r12, lr}\n"                                                                       \
        "add r9, r7, r11, lsr #1\n"                                                                                  \
        "1:" depth                                                                                                   \
        "strd r4, r10, [r12, #256]\n"                                                                                \
        "strd r2, r8, [r12, #128]\n"                                                                                 \
        "strd r0, r6, [r12], #8\n"                                                                                   \
        "cmp r12, lr\n"                                                                                              \
        "bne 1b\n"                                                                                                   \
        "pop {r8, r12}\n"                                                                                            \
        "ldr r0, [r8, #16]\n"                                                                                        \
        "add r8, r8, #24\n"                                                                                          \
        "ldm r8, {r1-r6, r9-r12}\n"                                                                                  \
        "vdup.32 q4, r11\n vdup.32 q5, r12\n"                                                                        \
        "dlstp.32 lr, r9\n"                                                                                          \
        "4: vldrw.32 q0, [r1], #16\n vldrb.s32 q1, [r2], #4\n vldrw.32 q2, [r3], #16\n"                              \
        EB_MVE_FINISH(", #256]", "r6", sign) EB_MVE_FINISH(", #128]", "r5", sign) EB_MVE_FINISH("], #16", "r4", sign) \
        "letp lr, 4b\n"                                                                                              \
        "mov r0, r7\n"                                                                                               \
        "vpop {d8-d13}\n"                                                                                            \
        "pop {r4-r11, pc}\n");                                                                                       \
  }
