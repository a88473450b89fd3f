#include <arm_mve.h>

/* The matrix product of Helium: three pixels times two output channels at a time, 16 products per instruction.
   `stream` holds, for each pair of channels: their biases, the weights of one, the weights of the other. */
#define EB_MVE_CHANNELS 16 /* sums that wait to be scaled, per pixel */

struct eb_mve_tile {
  const int8_t *window[3];
  int32_t spare;         /* bytes by which whole vectors exceed a window */
  int32_t *end;          /* behind the last pair of sums */
  int32_t *sums;         /* [3][EB_MVE_CHANNELS] */
  int32_t depth;
};

/* r0 r2 r4 sums of the first channel, r6 r8 r10 of the second, r1 r3 r5 windows, r7 r9 weights, r11 depth, r12 where sums
   go. The first five words of the struct lie at sp. Returns the stream behind the last pair. */
static __attribute__((naked, noinline)) const int8_t *eb_mve_pairs(const int8_t *stream __attribute__((unused)),
                                                                   const struct eb_mve_tile *t
                                                                   __attribute__((unused))) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "mov r7, r0\n"
      "ldm r1, {r2, r3, r4, r5, r6, r12}\n"
      "ldr r11, [r1, #24]\n"
      "push {r2, r3, r4, r5, r6}\n"
      "1: ldr r0, [r7], #4\n"
      "ldr r6, [r7], #4\n"
      "ldm sp, {r1, r3, r5}\n"
      "mov r2, r0\n mov r4, r0\n mov r8, r6\n mov r10, r6\n"
      "add r9, r7, r11\n"
      "dlstp.8 lr, r11\n"
      "2: vldrb.8 q0, [r7], #16\n"
      "vldrb.8 q2, [r1], #16\n"
      "vmladava.s8 r0, q0, q2\n"
      "vldrb.8 q1, [r9], #16\n"
      "vmladava.s8 r6, q1, q2\n"
      "vldrb.8 q3, [r3], #16\n"
      "vmladava.s8 r2, q0, q3\n"
      "vmladava.s8 r8, q1, q3\n"
      "vldrb.8 q2, [r5], #16\n"
      "vmladava.s8 r4, q0, q2\n"
      "vmladava.s8 r10, q1, q2\n"
      "letp lr, 2b\n"
      "ldrd r1, r3, [sp, #12]\n"
      "strd r4, r10, [r12, #128]\n"
      "strd r2, r8, [r12, #64]\n"
      "strd r0, r6, [r12], #8\n"
      "sub r7, r9, r1\n"
      "cmp r12, r3\n"
      "bne 1b\n"
      "mov r0, r7\n"
      "add sp, sp, #20\n"
      "pop {r4-r11, pc}\n");
}
