/* The matrix product of the DSP extension: three pixels times two output channels at a time.

   A pixel's values stand in `columns` as pairs of 16 bits, the pairs of the three pixels side by side, in an order of the
   depth that the weights share. A word of weights holds two values of two channels, (a0, b0, a1, b1) in bytes:
   - packed: its halves are 256 * b + a, so one SMLAD gives 256 * (sum of b) + (sum of a) and SXTB16 leaves the a for
     another; the difference is the second channel's. Needs sums of b below 2**23.
   - wide: SXTB16 takes out either channel.
   `stream` holds, for each pair of channels: their biases, the weights (a step is two words: a depth of 4), their
   multipliers, and one byte each: right shift - 1. */
struct eb_dsp_tile {
  struct eb_triple triple; /* `out` moves to the channels behind the last */
  const int16_t *columns;
  int32_t rounds;         /* of eight steps, all steps but the first */
  int32_t skipped;        /* steps left out of the first round; 8: there is no round */
  const int8_t *end;      /* of triple.out[0] */
  int32_t twice_zero;     /* 2 * the output's zero point + 1 */
  int32_t low, high;      /* of the clamp */
};

/* r0 stream, r1 columns, r2 rounds left, r3 r4 weights, r5-r7 pixels, r8-r10 sums of the first channel, r11 r12 lr of the
   second. The struct from `out` on lies at sp. */
#define EB_TILE_THREE(weights, a, b, c)                                                                              \
  "smlad " #a ", " #weights ", r5, " #a "\n smlad " #b ", " #weights ", r6, " #b "\n smlad " #c ", " #weights       \
  ", r7, " #c "\n"
#define EB_TILE_FIRST_THREE(weights, a, b, c)                                                                        \
  "smlad " #b ", " #weights ", r6, " #a "\n smlad " #c ", " #weights ", r7, " #a "\n smlad " #a ", " #weights       \
  ", r5, " #a "\n"

#define EB_TILE_PACKED_STEP(first)                                                                                   \
  "ldmia r0!, {r3, r4}\n ldmia r1!, {r5, r6, r7}\n" first(r3, r11, r12, lr) "sxtb16 r3, r3\n"                        \
  first(r3, r8, r9, r10) "ldmia r1!, {r5, r6, r7}\n" EB_TILE_THREE(r4, r11, r12, lr) "sxtb16 r4, r4\n"               \
  EB_TILE_THREE(r4, r8, r9, r10)
#define EB_TILE_WIDE_STEP(first)                                                                                     \
  "ldr r4, [r0], #4\n ldmia r1!, {r5, r6, r7}\n sxtb16 r3, r4\n" first(r3, r8, r9, r10) "sxtb16 r4, r4, ror #8\n"    \
  first(r4, r11, r12, lr) "ldr r4, [r0], #4\n ldmia r1!, {r5, r6, r7}\n sxtb16 r3, r4\n"                             \
  EB_TILE_THREE(r3, r8, r9, r10) "sxtb16 r4, r4, ror #8\n" EB_TILE_THREE(r4, r11, r12, lr)

/* Twice the sums of the second channel. */
#define EB_TILE_PACKED_SECOND                                                                                        \
  "sub r11, r11, r8\n sub r12, r12, r9\n sub lr, lr, r10\n asr r11, r11, #7\n asr r12, r12, #7\n asr lr, lr, #7\n"
#define EB_TILE_WIDE_SECOND "lsl r11, r11, #1\n lsl r12, r12, #1\n lsl lr, lr, #1\n"

/* One value: twice the sum times the multiplier / 2**32 rounded (SMMLAR), zero point and half added with it, shifted and
   saturated. Halves go away from zero: one less for negative sums. Where the clamp ends at the zero point, negative sums
   end there in any case. */
#define EB_TILE_RELU(a, multiplier)                                                                                  \
  "smmlar " #a ", " #a ", " #multiplier ", r7\n asr " #a ", " #a ", r5\n ssat " #a ", #8, " #a ", asr #1\n"
#define EB_TILE_SIGNED(a, multiplier)                                                                                \
  "add r1, r7, " #a ", asr #31\n smmlar " #a ", " #a ", " #multiplier ", r1\n asr " #a ", " #a ", r5\n ssat " #a     \
  ", #8, " #a ", asr #1\n"
#define EB_TILE_NO_CLAMP ""
#define EB_TILE_LIMIT(a)                                                                                             \
  "cmp " #a ", r1\n it lt\n movlt " #a ", r1\n cmp " #a ", r2\n it gt\n movgt " #a ", r2\n"
#define EB_TILE_CLAMP                                                                                                \
  "ldrd r1, r2, [sp, #32]\n" EB_TILE_LIMIT(r8) EB_TILE_LIMIT(r9) EB_TILE_LIMIT(r10) EB_TILE_LIMIT(r11)               \
  EB_TILE_LIMIT(r12) EB_TILE_LIMIT(lr)

#define EB_DSP_TILE(name, step, second, requantize, clamp)                                                           \
  EB_NAKED void name(const void *stream EB_ARGUMENT,                      \
                                                    struct eb_dsp_tile *t EB_ARGUMENT) {                 \
    __asm__ volatile(                                                                                                \
        ".syntax unified\n"                                                                                          \
        "push {r4-r11, lr}\n"                                                                                        \
        "add r1, r1, #12\n"                                                                                          \
        "ldm r1, {r2-r11}\n"                                                                                         \
        "adr.w r12, 9f\n"                                                                                            \
        "ldr r7, [r12, r7, lsl #2]\n"                                                                                \
        "add r7, r7, r12\n"                                                                                          \
        "orr r7, r7, #1\n"                                                                                           \
        "push {r2-r11}\n"                                                                                            \
        "1: ldmia r0!, {r8, r11}\n"                                                                                  \
        "ldrd r1, r2, [sp, #12]\n" step(EB_TILE_FIRST_THREE) "ldr pc, [sp, #20]\n"                                   \
        "10:" step(EB_TILE_THREE) "11:" step(EB_TILE_THREE) "12:" step(EB_TILE_THREE) "13:" step(EB_TILE_THREE)      \
        "14:" step(EB_TILE_THREE) "15:" step(EB_TILE_THREE) "16:" step(EB_TILE_THREE) "17:" step(EB_TILE_THREE)      \
        "subs r2, r2, #1\n"                                                                                          \
        "bne 10b\n"                                                                                                  \
        "18: ldmia r0!, {r3, r4, r5}\n" second                                                                        \
        "lsl r8, r8, #1\n lsl r9, r9, #1\n lsl r10, r10, #1\n"                                                       \
        "ldr r6, [sp, #28]\n"                                                                                        \
        "lsl r7, r6, r5\n" requantize(r8, r3) requantize(r9, r3) requantize(r10, r3)                                 \
        "lsr r5, r5, #8\n"                                                                                           \
        "lsl r7, r6, r5\n" requantize(r11, r4) requantize(r12, r4) requantize(lr, r4) clamp                          \
        "ldm sp, {r1, r2, r3}\n"                                                                                     \
        "ldr r4, [sp, #24]\n"                                                                                        \
        "strb r8, [r1], #1\n strb r9, [r2], #1\n strb r10, [r3], #1\n"                                               \
        "strb r11, [r1], #1\n strb r12, [r2], #1\n strb lr, [r3], #1\n"                                              \
        "stm sp, {r1, r2, r3}\n"                                                                                     \
        "cmp r1, r4\n"                                                                                               \
        "bne 1b\n"                                                                                                   \
        "add sp, sp, #40\n"                                                                                          \
        "pop {r4-r11, pc}\n"                                                                                         \
        ".balign 4\n"                                                                                                \
        "9: .word 10b - 9b, 11b - 9b, 12b - 9b, 13b - 9b, 14b - 9b, 15b - 9b, 16b - 9b, 17b - 9b, 18b - 9b\n");      \
  }

/* Three rows of bytes to columns: each word becomes (k, k + 2) and (k + 1, k + 3); `words` at least 1. */
EB_NAKED void eb_dsp_columns(const int8_t *a EB_ARGUMENT,
                                                            const int8_t *b EB_ARGUMENT,
                                                            const int8_t *c EB_ARGUMENT,
                                                            int16_t *columns EB_ARGUMENT,
                                                            int32_t words EB_ARGUMENT) {
#define EB_COLUMNS_WORD                                                                                              \
  "ldr r7, [r0], #4\n ldr r8, [r1], #4\n ldr r9, [r2], #4\n"                                                         \
  "sxtb16 r4, r7\n sxtb16 r5, r8\n sxtb16 r6, r9\n"                                                                  \
  "sxtb16 r7, r7, ror #8\n sxtb16 r8, r8, ror #8\n sxtb16 r9, r9, ror #8\n"                                          \
  "stmia r3!, {r4-r9}\n"
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r9}\n"
      "ldr r12, [sp, #24]\n"
      "lsrs r12, r12, #1\n"
      "bcc 1f\n"
      EB_COLUMNS_WORD
      "cmp r12, #0\n"
      "beq 2f\n"
      "1:" EB_COLUMNS_WORD EB_COLUMNS_WORD
      "subs r12, r12, #1\n"
      "bne 1b\n"
      "2: pop {r4-r9}\n"
      "bx lr\n");
#undef EB_COLUMNS_WORD
}
