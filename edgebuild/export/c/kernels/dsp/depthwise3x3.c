/* One channel of a depthwise convolution of 3x3. Its stream: twice the bias, the multiplier, nine weights, and the right
   shift - 1.

   r0 plane, r1 output, r2 iterations left << 8 | shift, r3 multiplier, r4 r5 twice the sums, r6 r7 a row of four values,
   r8-lr twice the weights (w0, w1) (w1, w2) of each row. On the stack: the bias twice, zero point and half, distance of
   pixels, clamp, iterations of a row << 8, end of the output. */
#define EB_PLANE_ROW(place, wa, wb) "ldrd r6, r7, " place "\n smlad r4, r6, " wa ", r4\n smlabt r4, r7, " wb ", r4\n"
#define EB_PLANE_ROW_TWICE(place, wa, wb)                                                                            \
  EB_PLANE_ROW(place, wa, wb) "smlatb r5, r6, " wa ", r5\n smlad r5, r7, " wb ", r5\n"
#define EB_PLANE_ROW_TWICE_BY_2(place, next, wa, wb)                                                                 \
  EB_PLANE_ROW(place, wa, wb) "ldr r6, " next "\n smlad r5, r7, " wa ", r5\n smlabt r5, r6, " wb ", r5\n"

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

#define EB_PLANE_WEIGHTS(offset, wa, wb)                                                                             \
  "ldr r5, [r4, #" offset "]\n sxtb16 r6, r5\n sxtb16 r5, r5, ror #8\n pkhbt " wa ", r6, r5, lsl #16\n pkhbt " wb    \
  ", r5, r6\n sadd16 " wa ", " wa ", " wa "\n sadd16 " wb ", " wb ", " wb "\n"
/* Loads what all geometries need, and goes on with `row`. */
EB_NAKED void eb_dsp_channel_3x3(
    const int8_t *stream EB_ARGUMENT, const int16_t *plane EB_ARGUMENT,
    int8_t *out EB_ARGUMENT, const struct eb_dsp_depthwise *g EB_ARGUMENT) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldr r4, [r0]\n mov r5, r4\n"
      "ldrb r8, [r0, #17]\n"
      "ldr lr, [r3, #28]\n"
      "ldm r3, {r6, r7, r9, r10, r11, r12}\n"
      "lsl r6, r6, r8\n"
      "add r12, r12, r2\n"
      "push {r4, r5, r6, r7, r9, r10, r11, r12, lr}\n"
      "mov r4, r0\n mov r0, r1\n mov r1, r2\n"
      "sub r2, r11, #256\n orr r2, r2, r8\n"
      "ldr r3, [r4, #4]\n" EB_PLANE_WEIGHTS("8", "r8", "r9") EB_PLANE_WEIGHTS("11", "r10", "r11")
      EB_PLANE_WEIGHTS("14", "r12", "lr") "ldr pc, [sp, #32]\n");
}

/* Two neighbours of a row; with stride 2 they share the middle one of five columns. */
#define EB_PLANE_ROWS_BY_1(line, lines)                                                                              \
  EB_PLANE_ROW_TWICE("[r0, #" line "]", "r10", "r11") EB_PLANE_ROW_TWICE("[r0, #" lines "]", "r12", "lr")            \
  EB_PLANE_ROW_TWICE("[r0], #4", "r8", "r9")
#define EB_PLANE_ROWS_BY_2(line, line_on, lines, lines_on)                                                           \
  EB_PLANE_ROW_TWICE_BY_2("[r0, #" line "]", "[r0, #" line_on "]", "r10", "r11")                                     \
  EB_PLANE_ROW_TWICE_BY_2("[r0, #" lines "]", "[r0, #" lines_on "]", "r12", "lr")                                    \
  EB_PLANE_ROW_TWICE_BY_2("[r0], #8", "[r0]", "r8", "r9")
#define EB_PLANE_TWO(rows, requantize)                                                                               \
  "ldrd r4, r5, [sp]\n" rows requantize##_TWICE("r4", "r5")                                                          \
  "strb r4, [r1]\n strb r5, [r1, r7]\n add r1, r1, r7, lsl #1\n"
/* The last of an odd number. */
#define EB_PLANE_ONE(line, lines, requantize)                                                                        \
  "ldr r4, [sp]\n" EB_PLANE_ROW("[r0, #" line "]", "r10", "r11") EB_PLANE_ROW("[r0, #" lines "]", "r12", "lr")       \
  EB_PLANE_ROW("[r0]", "r8", "r9") requantize("r4") "strb r4, [r1]\n add r1, r1, r7\n"

/* Where a row's pairs are not unrolled as a whole: how the loop goes on, and how it begins again. */
#define EB_PLANE_LOOP "subs r2, r2, #256\n bpl 1b\n", "add r2, r2, r6\n"
#define EB_PLANE_NO_LOOP "", ""

/* All rows; `line` is the plane's pitch in bytes, `advance` what remains from the last pair to the next row. */
#define EB_DSP_PLANE(name, pairs, loop, last, advance) EB_DSP_PLANE_OF(name, pairs, loop, last, advance)
#define EB_DSP_PLANE_OF(name, pairs, again, restart, last, advance)                                                  \
  EB_NAKED void name(void) {                                                                                         \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n 1:" pairs again last                                                                      \
        "ldrd r6, r7, [sp, #24]\n"                                                                                   \
        "add r0, r0, #" advance "\n" restart                                                                         \
        "cmp r1, r7\n"                                                                                               \
        "bne 1b\n"                                                                                                   \
        "add sp, sp, #36\n"                                                                                          \
        "pop {r4-r11, pc}\n");                                                                                       \
  }
