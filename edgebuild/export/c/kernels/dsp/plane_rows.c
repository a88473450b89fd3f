/* A channel of a depthwise convolution, two neighbours of a row at a time: what all windows share.

   r0 plane, r1 output, r2 iterations left << 8 | shift - 1, r3 multiplier, r4 r5 twice the sums, r6 r7 free. On the stack:
   twice the bias two times, zero point and half, distance of pixels, clamp, iterations of a row << 8, end of the output,
   what follows the beginning. */
#define EB_PLANE_RELU_VALUE(a) "smmlar " a ", " a ", r3, r6\n asr " a ", " a ", r2\n ssat " a ", #8, " a ", asr #1\n"
#define EB_PLANE_RELU(a) "ldrd r6, r7, [sp, #8]\n" EB_PLANE_RELU_VALUE(a)
#define EB_PLANE_RELU_TWICE(a, b) EB_PLANE_RELU(a) EB_PLANE_RELU_VALUE(b)

#define EB_PLANE_SIGNED_VALUE(a)                                                                                     \
  "add r7, r6, " a ", asr #31\n smmlar " a ", " a ", r3, r7\n asr " a ", " a ", r2\n ssat " a ", #8, " a ", asr #1\n"
#define EB_PLANE_SIGNED(a) "ldr r6, [sp, #8]\n" EB_PLANE_SIGNED_VALUE(a) "ldr r7, [sp, #12]\n"
#define EB_PLANE_SIGNED_TWICE(a, b) "ldr r6, [sp, #8]\n" EB_PLANE_SIGNED_VALUE(a) EB_PLANE_SIGNED_VALUE(b) "ldr r7, [sp, #12]\n"

#define EB_PLANE_LIMIT(a) "cmp " a ", r6\n it lt\n movlt " a ", r6\n cmp " a ", r7\n it gt\n movgt " a ", r7\n"
#define EB_PLANE_CLAMPED(a)                                                                                          \
  "ldr r6, [sp, #8]\n" EB_PLANE_SIGNED_VALUE(a) "ldrd r6, r7, [sp, #16]\n" EB_PLANE_LIMIT(a) "ldr r7, [sp, #12]\n"
#define EB_PLANE_CLAMPED_TWICE(a, b)                                                                                 \
  "ldr r6, [sp, #8]\n" EB_PLANE_SIGNED_VALUE(a) EB_PLANE_SIGNED_VALUE(b)                                             \
  "ldrd r6, r7, [sp, #16]\n" EB_PLANE_LIMIT(a) EB_PLANE_LIMIT(b) "ldr r7, [sp, #12]\n"

#define EB_PLANE_TWO(rows, requantize)                                                                               \
  "ldrd r4, r5, [sp]\n" rows requantize##_TWICE("r4", "r5")                                                          \
  "strb r4, [r1]\n strb r5, [r1, r7]\n add r1, r1, r7, lsl #1\n"
/* Where a row's pairs are not unrolled as a whole: how the loop goes on, and how it begins again. */
#define EB_PLANE_LOOP "subs r2, r2, #256\n bpl 1b\n", "add r2, r2, r6\n"
#define EB_PLANE_NO_LOOP "", ""

/* All rows; `line` is the plane's pitch in bytes, `advance` what remains from the last pair to the next row. */
#define EB_DSP_PLANE(name, enter, pairs, loop, last, advance)                                                        \
  EB_DSP_PLANE_OF(name, enter, pairs, loop, last, advance)
#define EB_DSP_PLANE_OF(name, enter, pairs, again, restart, last, advance)                                            \
  EB_NAKED void name(void) {                                                                                         \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n" enter "1:" pairs again last                                                            \
        "ldrd r6, r7, [sp, #24]\n"                                                                                   \
        "add r0, r0, #" advance "\n" restart                                                                         \
        "cmp r1, r7\n"                                                                                               \
        "bne 1b\n"                                                                                                   \
        "add sp, sp, #36\n"                                                                                          \
        "pop {r4-r11, pc}\n");                                                                                       \
  }

/* From stream, plane, output and g, the shift - 1 at a byte of the stream; goes on with `row`, the stream in r4. */
#define EB_PLANE_BEGIN(shift)                                                                                        \
  ".syntax unified\n"                                                                                                \
  "push {r4-r11, lr}\n"                                                                                              \
  "ldr r4, [r0]\n mov r5, r4\n"                                                                                      \
  "ldrb r8, [r0, #" shift "]\n"                                                                                      \
  "ldr lr, [r3, #28]\n"                                                                                              \
  "ldm r3, {r6, r7, r9, r10, r11, r12}\n"                                                                            \
  "lsl r6, r6, r8\n"                                                                                                 \
  "add r12, r12, r2\n"                                                                                               \
  "push {r4, r5, r6, r7, r9, r10, r11, r12, lr}\n"                                                                   \
  "mov r4, r0\n mov r0, r1\n mov r1, r2\n"                                                                           \
  "sub r2, r11, #256\n orr r2, r2, r8\n"                                                                             \
  "ldr r3, [r4, #4]\n"
