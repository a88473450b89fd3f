#include <arm_acle.h>

/* One channel of a depthwise convolution of any size. Its stream: bias, multiplier, right shift, weights in rows filled up
   to an even number. `EB_DEPTHWISE_ANY` makes it for one geometry. */
EB_INLINE int32_t eb_dsp_load(const void *from) {
  int32_t word;
  memcpy(&word, from, 4);
  return word;
}

EB_INLINE void eb_dsp_depthwise_any(const int8_t *stream, const int16_t *plane, int8_t *out,
                                    const struct eb_dsp_depthwise *g, int32_t kernel_h, int32_t kernel_w, int32_t line,
                                    int32_t down, int32_t right, int32_t out_w) {
  const int32_t bias = eb_dsp_load(stream), multiplier = eb_dsp_load(stream + 4), shift = stream[8];
  const int32_t zero_point = (g->twice_zero - 1) / 2;
  const int8_t *const end = out + g->out_bytes;
  while (out != end) {
    const int16_t *p = plane;
    for (int32_t x = out_w; x > 0; x--) {
      const int8_t *w = stream + 9;
      const int16_t *row = p;
      int32_t sum = bias;
      for (int32_t ky = 0; ky < kernel_h; ky++) {
        for (int32_t kx = 0; kx < kernel_w; kx += 2) {
          const uint32_t pair = ((uint32_t)w[kx] & 0xffffU) | (uint32_t)w[kx + 1] << 16;
          __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(eb_dsp_load(row + kx)), "r"(pair));
        }
        w += (kernel_w + 1) & ~1;
        row += line;
      }
      *out = eb_clamp(eb_scale(sum, multiplier, shift) + zero_point, g->low, g->high);
      out += g->out_c;
      p += right;
    }
    plane += down;
  }
}
