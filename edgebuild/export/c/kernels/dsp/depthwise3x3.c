/* One channel of a depthwise convolution of 3x3. Its stream: twice the bias, the multiplier, nine weights, and the right
   shift - 1. r8-lr hold twice the weights (w0, w1) (w1, w2) of each row, r6 r7 a row of four values. */
#define EB_PLANE_ROW(place, wa, wb) "ldrd r6, r7, " place "\n smlad r4, r6, " wa ", r4\n smlabt r4, r7, " wb ", r4\n"
#define EB_PLANE_ROW_TWICE(place, wa, wb)                                                                            \
  EB_PLANE_ROW(place, wa, wb) "smlatb r5, r6, " wa ", r5\n smlad r5, r7, " wb ", r5\n"
#define EB_PLANE_ROW_TWICE_BY_2(place, next, wa, wb)                                                                 \
  EB_PLANE_ROW(place, wa, wb) "ldr r6, " next "\n smlad r5, r7, " wa ", r5\n smlabt r5, r6, " wb ", r5\n"

#define EB_PLANE_WEIGHTS(offset, wa, wb)                                                                             \
  "ldr r5, [r4, #" offset "]\n sxtb16 r6, r5\n sxtb16 r5, r5, ror #8\n pkhbt " wa ", r6, r5, lsl #16\n pkhbt " wb    \
  ", r5, r6\n sadd16 " wa ", " wa ", " wa "\n sadd16 " wb ", " wb ", " wb "\n"
EB_NAKED void eb_dsp_channel_3x3(const int8_t *stream EB_ARGUMENT, const int16_t *plane EB_ARGUMENT,
                                int8_t *out EB_ARGUMENT, const struct eb_dsp_depthwise *g EB_ARGUMENT) {
  __asm__ volatile(EB_PLANE_BEGIN("17") EB_PLANE_WEIGHTS("8", "r8", "r9") EB_PLANE_WEIGHTS("11", "r10", "r11")
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
/* The last of an odd number. */
#define EB_PLANE_ONE(line, lines, requantize)                                                                        \
  "ldr r4, [sp]\n" EB_PLANE_ROW("[r0, #" line "]", "r10", "r11") EB_PLANE_ROW("[r0, #" lines "]", "r12", "lr")       \
  EB_PLANE_ROW("[r0]", "r8", "r9") requantize("r4") "strb r4, [r1]\n add r1, r1, r7\n"
