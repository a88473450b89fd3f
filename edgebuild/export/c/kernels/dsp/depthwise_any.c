/* One channel of a depthwise convolution of any window. Its stream: twice the bias, the multiplier, the right shift - 1,
   the weights. Twice the weights lie before the plane, as words of two values: for each word of a row of the window, what
   it counts in one output value and what in the next. */
struct eb_dsp_taps {
  uint8_t kernel_h, kernel_w, dilation_w, stride_w;
  uint8_t words; /* of a row of two neighbouring windows */
};

EB_NAKED void eb_dsp_channel_begin(const int8_t *stream EB_ARGUMENT, const int16_t *plane EB_ARGUMENT,
                                   int8_t *out EB_ARGUMENT, const struct eb_dsp_depthwise *g EB_ARGUMENT) {
  __asm__ volatile(EB_PLANE_BEGIN("8") "ldr pc, [sp, #32]\n");
}

EB_SHARED void eb_dsp_channel_any(const int8_t *stream, const int16_t *plane, int8_t *out,
                                  const struct eb_dsp_depthwise *g) {
  const struct eb_dsp_taps *const taps = g->taps;
  const int32_t values = 4 * taps->words, all = taps->kernel_h * values;
  int16_t *row = (int16_t *)(void *)(size_t)(plane - all);
  const int8_t *w = stream + 9;
  for (int32_t i = 0; i < all; i++) {
    row[i] = 0;
  }
  for (int32_t ky = taps->kernel_h; ky > 0; ky--) {
    int32_t x = 0;
    for (int32_t kx = taps->kernel_w; kx > 0; kx--) {
      const int32_t next = x + taps->stride_w;
      const int16_t twice = (int16_t)(2 * *w++);
      row[x / 2 * 4 + x % 2] = twice;
      row[next / 2 * 4 + next % 2 + 2] = twice;
      x += taps->dilation_w;
    }
    row += values;
  }
  eb_dsp_channel_begin(stream, plane, out, g);
}

/* A word of two windows; r10 points to the weights. */
#define EB_PLANE_WORD(place, weights)                                                                                \
  "ldr r6, [r0, #" place "]\n ldrd r8, r9, [r10, #" weights "]\n smlad r4, r6, r8, r4\n smlad r5, r6, r9, r5\n"
#define EB_PLANE_FORWARD(bytes) "add r0, r0, #" bytes "\n"
/* The last of an odd number; what its neighbour would be is not written. */
#define EB_PLANE_LAST(rows, requantize)                                                                              \
  "ldrd r4, r5, [sp]\n" rows requantize("r4") "strb r4, [r1]\n add r1, r1, r7\n"
