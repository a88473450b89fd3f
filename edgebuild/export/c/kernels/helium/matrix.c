/* The matrix product of Helium: three pixels times two output channels at a time, 16 products per instruction.
   `stream` holds, for each pair of channels, the weights of one, then those of the other. */
#define EB_MVE_CHANNELS 32 /* sums that wait to be scaled, per pixel */

struct eb_mve_tile {
  struct eb_triple triple; /* `out` moves to the channels behind the last */
  int32_t twice_depth;
  int32_t *sums;           /* [3][EB_MVE_CHANNELS] */
  int32_t *end;            /* behind the last pair of sums */
  const int32_t *multiplier;
  const int8_t *shift;     /* to the left: negative */
  const int32_t *bias;
  int32_t count, zero_point, low, high;
  void (*depth)(void);     /* the products of all pairs */
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
#define EB_MVE_STORE                                                                                                 \
  "strd r4, r10, [r12, #256]\n strd r2, r8, [r12, #128]\n strd r0, r6, [r12], #8\n cmp r12, lr\n"

/* Products for windows of up to 128 values, unrolled; the last vector in part, or whole. Ends where the stack says. */
#define EB_MVE_DEPTH(name, vectors)                                                                                  \
  EB_NAKED void name(void) {                                                                                         \
    __asm__ volatile("1:" vectors "add r7, r7, r11\n add r9, r9, r11\n" EB_MVE_STORE "bne 1b\n ldr pc, [sp, #8]\n");  \
  }
/* For any number of values from 16 on: one vector, then what remains. The struct's address lies at sp. */
#define EB_MVE_DEPTH_LOOP(name)                                                                                      \
  EB_NAKED void name(void) {                                                                                         \
    __asm__ volatile(                                                                                                \
        "1: ldr r1, [sp]\n ldm r1, {r1, r3, r5}\n" EB_MVE_VECTOR("", "], #16")                                       \
        "lsr lr, r11, #1\n sub lr, lr, #16\n wlstp.8 lr, lr, 3f\n 2:" EB_MVE_VECTOR("a", "], #16")                   \
        "letp lr, 2b\n 3: ldrd r1, r3, [sp]\n sub r7, r9, r3\n add r9, r7, r11, lsr #1\n ldr lr, [r1, #32]\n"        \
        EB_MVE_STORE "bne 1b\n ldr pc, [sp, #8]\n");                                                                \
  }

/* Halves go away from zero: one less for negative values. Where the clamp begins at the zero point, they end there. */
#define EB_MVE_RELU_SUMS
#define EB_MVE_SIGNED_SUMS "vshr.s32 q2, q3, #31\n vadd.i32 q3, q3, q2\n vldrw.32 q2, [r3, #-16]\n" /* the biases again */
#define EB_MVE_FINISH(sums, out, sign)                                                                               \
  "vldrw.32 q3, [r0" sums "\n vadd.i32 q3, q3, q2\n vqrdmulh.s32 q3, q3, q0\n" sign                                  \
  "vrshl.s32 q3, q3, q1\n vadd.i32 q3, q3, r10\n vmax.s32 q3, q3, q4\n vmin.s32 q3, q3, q5\n vstrb.32 q3, [" out     \
  "], #4\n"

/* Computes `count` channels of three pixels and returns the stream behind them; `part` is the depth beyond whole
   vectors, `spare` what whole vectors exceed the depth by. */
#define EB_MVE_TILE(name, sign)                                                                                      \
  EB_NAKED const int8_t *name(const int8_t *stream EB_ARGUMENT, const struct eb_mve_tile *t EB_ARGUMENT,             \
                              int32_t part EB_ARGUMENT, int32_t spare EB_ARGUMENT) {                                 \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r11, lr}\n"                                                                                        \
        "vpush {d8-d11}\n"                                                                                           \
        "adr.w r12, 1f\n"                                                                                            \
        "orr r12, r12, #1\n"                                                                                         \
        "push {r1, r3, r12}\n"                                                                                       \
        "vctp.8 r2\n"                                                                                                \
        "mov r7, r0\n"                                                                                               \
        "ldr r0, [r1, #64]\n"                                                                                        \
        "ldrd r11, r12, [r1, #24]\n"                                                                                 \
        "ldr lr, [r1, #32]\n"                                                                                        \
        "ldm r1, {r1, r3, r5}\n"                                                                                     \
        "add r9, r7, r11, lsr #1\n"                                                                                  \
        "bx r0\n"                                                                                                    \
        ".balign 4\n"                                                                                                \
        "1: pop {r8, r11, r12}\n"                                                                                    \
        "add r0, r8, #12\n"                                                                                          \
        "ldm r0, {r4, r5, r6}\n"                                                                                     \
        "ldr r0, [r8, #28]\n"                                                                                        \
        "add r8, r8, #36\n"                                                                                          \
        "ldm r8, {r1, r2, r3, r9, r10, r11, r12}\n"                                                                  \
        "vdup.32 q4, r11\n vdup.32 q5, r12\n"                                                                        \
        "dlstp.32 lr, r9\n"                                                                                          \
        "2: vldrw.32 q0, [r1], #16\n vldrb.s32 q1, [r2], #4\n vldrw.32 q2, [r3], #16\n"                              \
        EB_MVE_FINISH(", #256]", "r6", sign) EB_MVE_FINISH(", #128]", "r5", sign) EB_MVE_FINISH("], #16", "r4", sign) \
        "letp lr, 2b\n"                                                                                              \
        "mov r0, r7\n"                                                                                               \
        "vpop {d8-d11}\n"                                                                                            \
        "pop {r4-r11, pc}\n");                                                                                       \
  }
