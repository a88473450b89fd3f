/* One row times a matrix on the DSP extension, two output channels at a time; `stream` as in tile.c, packed. */
struct eb_dsp_row {
  const int16_t *columns; /* the row as pairs of 16 bits */
  int32_t rounds;         /* of two steps */
  int32_t is_odd;         /* one step more, which comes first */
  const int8_t *end;      /* of the output */
  int32_t twice_zero;     /* 2 * the output's zero point + 1 */
  int32_t low, high;
};

#define EB_ROW_WORD(weights, pair)                                                                                   \
  "smlad r12, " weights ", " pair ", r12\n sxtb16 " weights ", " weights "\n smlad r11, " weights ", " pair ", r11\n"
#define EB_ROW_VALUE(a, multiplier)                                                                                  \
  "add r1, r7, " a ", asr #31\n smmlar " a ", " a ", " multiplier ", r1\n asr " a ", " a ", r5\n ssat " a ", #8, " a \
  ", asr #1\n cmp " a ", r8\n it lt\n movlt " a ", r8\n cmp " a ", r9\n it gt\n movgt " a ", r9\n strb " a           \
  ", [lr], #1\n"

/* r0 stream, r1 columns, r2 rounds left, r3-r6 weights, r7-r10 the row, r11 r12 sums, lr output. */
EB_NAKED void eb_dsp_row_pairs(const void *stream EB_ARGUMENT,
                                                              const struct eb_dsp_row *t EB_ARGUMENT,
                                                              int8_t *out EB_ARGUMENT) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "mov lr, r2\n"
      "ldm r1, {r2-r8}\n"
      "push {r2-r8}\n"
      "1: ldmia r0!, {r11, r12}\n"
      "ldm sp, {r1, r2, r3}\n"
      "cbz r3, 2f\n"
      "ldmia r0!, {r3, r4}\n ldmia r1!, {r7, r8}\n" EB_ROW_WORD("r3", "r7") EB_ROW_WORD("r4", "r8")
      "cbz r2, 4f\n"
      "2: ldmia r0!, {r3-r6}\n ldmia r1!, {r7-r10}\n" EB_ROW_WORD("r3", "r7") EB_ROW_WORD("r4", "r8")
      EB_ROW_WORD("r5", "r9") EB_ROW_WORD("r6", "r10")
      "subs r2, r2, #1\n"
      "bne 2b\n"
      "4: ldmia r0!, {r3, r4, r5}\n"
      "sub r12, r12, r11\n asr r12, r12, #7\n lsl r11, r11, #1\n"
      "ldr r6, [sp, #16]\n"
      "ldrd r8, r9, [sp, #20]\n"
      "lsl r7, r6, r5\n" EB_ROW_VALUE("r11", "r3")
      "lsr r5, r5, #8\n"
      "lsl r7, r6, r5\n" EB_ROW_VALUE("r12", "r4")
      "ldr r1, [sp, #12]\n"
      "cmp lr, r1\n"
      "bne 1b\n"
      "add sp, sp, #28\n"
      "pop {r4-r11, pc}\n");
}

/* `last`: the last two channels again, where their number is odd; else 0. */
EB_SHARED void eb_dsp_row(const struct eb_dsp_row *t, int32_t steps, const int32_t *stream, const int32_t *last,
                          const int8_t *in, int8_t *out) {
  int32_t *columns = (int32_t *)(void *)(size_t)t->columns;
  for (; steps > 0; steps--) {
    int32_t word;
    memcpy(&word, in, 4);
    in += 4;
    __asm__("sxtb16 %0, %1" : "=r"(columns[0]) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(columns[1]) : "r"(word));
    columns += 2;
  }
  eb_dsp_row_pairs(stream, t, out);
  if (last != 0) {
    struct eb_dsp_row again = *t;
    again.end++;
    eb_dsp_row_pairs(last, &again, out + (t->end - out) - 1);
  }
}
