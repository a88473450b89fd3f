/* One row times a matrix on Helium, four output channels at a time. */
struct eb_mve_row_end {
  const int32_t *sums, *multiplier;
  const int8_t *shift; /* to the left: negative */
  const int32_t *bias;
  int8_t *out;
  int32_t count, zero_point, low, high;
};

/* Four rows of weights times `x`, `groups` times. r0 r2 r4 r6 sums, r5 r7 r8 r9 weights, r1 the row, r10 its beginning,
   r11 depth, r12 groups left; by how much whole vectors exceed the depth lies at sp. */
EB_NAKED void eb_mve_row_sums(const int8_t *weights EB_ARGUMENT, const int8_t *x EB_ARGUMENT, int32_t depth EB_ARGUMENT,
                              int32_t *sums EB_ARGUMENT, int32_t groups EB_ARGUMENT) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldr r12, [sp, #36]\n"
      "rsb r4, r2, #0\n and r4, r4, #15\n push {r4}\n"
      "mov r5, r0\n mov r10, r1\n mov r11, r2\n"
      "1: add r7, r5, r11\n add r8, r7, r11\n add r9, r8, r11\n"
      "mov r1, r10\n"
      "movs r0, #0\n movs r2, #0\n movs r4, #0\n movs r6, #0\n"
      "dlstp.8 lr, r11\n"
      "2: vldrb.8 q0, [r1], #16\n"
      "vldrb.8 q1, [r5], #16\n vmladava.s8 r0, q0, q1\n"
      "vldrb.8 q2, [r7], #16\n vmladava.s8 r2, q0, q2\n"
      "vldrb.8 q3, [r8], #16\n vmladava.s8 r4, q0, q3\n"
      "vldrb.8 q1, [r9], #16\n vmladava.s8 r6, q0, q1\n"
      "letp lr, 2b\n"
      "stmia r3!, {r0, r2, r4, r6}\n"
      "ldr r5, [sp]\n sub r5, r9, r5\n"
      "subs r12, r12, #1\n"
      "bne 1b\n"
      "pop {r3}\n"
      "pop {r4-r11, pc}\n");
}

/* Halves go away from zero: one less for negative values. */
EB_NAKED void eb_mve_row_finish(const struct eb_mve_row_end *end EB_ARGUMENT) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r8, lr}\n"
      "vpush {d8-d11}\n"
      "ldm r0, {r0-r8}\n"
      "vdup.32 q4, r7\n vdup.32 q5, r8\n"
      "dlstp.32 lr, r5\n"
      "1: vldrw.32 q0, [r1], #16\n vldrb.s32 q1, [r2], #4\n vldrw.32 q2, [r3], #16\n vldrw.32 q3, [r0], #16\n"
      "vadd.i32 q3, q3, q2\n vqrdmulh.s32 q3, q3, q0\n vshr.s32 q0, q3, #31\n vadd.i32 q3, q3, q0\n"
      "vrshl.s32 q3, q3, q1\n vadd.i32 q3, q3, r6\n vmax.s32 q3, q3, q4\n vmin.s32 q3, q3, q5\n"
      "vstrb.32 q3, [r4], #4\n"
      "letp lr, 1b\n"
      "vpop {d8-d11}\n"
      "pop {r4-r8, pc}\n");
}

/* At least four channels; the last four again where their number leaves a rest. `sums` has room for all. */
EB_SHARED void eb_mve_row_product(const int8_t *weights, const int8_t *in, int32_t depth,
                                  const struct eb_mve_row_end *end, int32_t *sums) {
  const int32_t rest = end->count - 4;
  eb_mve_row_sums(weights, in, depth, sums, end->count / 4);
  if (end->count % 4 != 0) {
    eb_mve_row_sums(weights + rest * depth, in, depth, sums + rest, 1);
  }
  eb_mve_row_finish(end);
}
