/* Depthwise convolution on the DSP extension: one input channel at a time becomes a plane of 16-bit values with its
   padding, where a word is two neighbours of a row. */
struct eb_dsp_taps;
struct eb_dsp_depthwise {
  int32_t twice_zero;   /* 2 * the output's zero point + 1 */
  int32_t out_c;
  int32_t low, high;
  int32_t iterations;   /* 256 * those of the loop over a row */
  int32_t out_bytes;    /* of the image */
  void (*channel)(const int8_t *stream, const int16_t *plane, int8_t *out, const struct eb_dsp_depthwise *g);
  void (*row)(void);    /* what `channel` goes on with */
  const int8_t *stream;
  const struct eb_dsp_taps *taps; /* of windows that are not 3x3 */
  uint16_t in_c;
  uint16_t copy_h, copy_w; /* rows and columns of the image that are read */
  uint16_t skip;           /* bytes of a row of the image that are not */
  uint16_t pitch;          /* of the plane, in bytes */
  uint16_t rows;
  uint16_t first;          /* value of the plane that is not padding */
  uint8_t factor;          /* output channels per input channel */
  uint8_t stream_bytes;    /* of a channel */
  int16_t zero_point;      /* of the input */
};

/* Values of one channel, four at a time; what remains of a row one by one. */
EB_NAKED void eb_dsp_plane(const int8_t *in EB_ARGUMENT,
                                                          int16_t *plane EB_ARGUMENT,
                                                          const struct eb_dsp_depthwise *g EB_ARGUMENT) {
#define EB_PLANE_VALUE "ldrsb r5, [r0]\n add r0, r0, r2\n strh r5, [r1], #2\n"
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "mov r12, r2\n"
      "ldrh r2, [r12, #40]\n"        /* in_c */
      "lsl r3, r2, #1\n"
      "add r4, r3, r2\n"
      "ldrh r10, [r12, #42]\n"       /* copy_h */
      "ldrh r9, [r12, #44]\n"        /* copy_w */
      "ldrh r11, [r12, #48]\n"       /* pitch */
      "ldrh r12, [r12, #46]\n"       /* skip */
      "sub r11, r11, r9, lsl #1\n"
      "lsr lr, r9, #2\n"
      "and r9, r9, #3\n"
      "adr.w r5, 9f\n"
      "ldr r9, [r5, r9, lsl #2]\n"
      "add r9, r9, r5\n"
      "orr r9, r9, #1\n"
      "push {r9}\n"
      "1: movs r9, lr\n"
      "beq 3f\n"
      "2: ldrsb r5, [r0]\n ldrsb r6, [r0, r2]\n ldrsb r7, [r0, r3]\n ldrsb r8, [r0, r4]\n"
      "add r0, r0, r2, lsl #2\n"
      "strh r6, [r1, #2]\n strh r7, [r1, #4]\n strh r8, [r1, #6]\n strh r5, [r1], #8\n"
      "subs r9, r9, #1\n"
      "bne 2b\n"
      "3: ldr pc, [sp]\n"
      "4:" EB_PLANE_VALUE "5:" EB_PLANE_VALUE "6:" EB_PLANE_VALUE
      "7: add r1, r1, r11\n"
      "add r0, r0, r12\n"
      "subs r10, r10, #1\n"
      "bne 1b\n"
      "pop {r3-r11, pc}\n"
      ".balign 4\n"
      "9: .word 7b - 9b, 6b - 9b, 5b - 9b, 4b - 9b\n");
#undef EB_PLANE_VALUE
}

EB_SHARED void eb_dsp_depthwise_convolve(const struct eb_dsp_depthwise *g, const int8_t *in, int8_t *out,
                                         int16_t *plane) {
  const int8_t *stream = g->stream;
  for (int32_t i = g->pitch / 2 * g->rows; i > 0; i--) {
    plane[i - 1] = g->zero_point;
  }
  for (int32_t c = g->in_c; c > 0; c--) {
    eb_dsp_plane(in++, plane + g->first, g);
    for (int32_t i = g->factor; i > 0; i--) {
      g->channel(stream, plane, out++, g);
      stream += g->stream_bytes;
    }
  }
}
