/* Pooling on the DSP extension: four channels at a time, the last four again where their number leaves a rest. */
struct eb_dsp_four {
  int32_t even, odd; /* sums of channels 0 and 2, of 1 and 3; or `even` holds the maxima of all four */
};

EB_INLINE struct eb_dsp_four eb_dsp_pool_word(const int8_t *p, int32_t line, int32_t channels, int32_t height,
                                              int32_t width, int32_t is_mean) {
  struct eb_dsp_four four = {is_mean ? 0 : INT32_C(-0x7f7f7f80), 0};
  for (; height > 0; height--) {
    const int8_t *from = p;
    for (int32_t u = width; u > 0; u--) {
      int32_t word;
      memcpy(&word, from, 4);
      from += channels;
      if (is_mean) {
        __asm__("sxtab16 %0, %0, %1" : "+r"(four.even) : "r"(word));
        __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(four.odd) : "r"(word));
      } else {
        __asm__("ssub8 r12, %0, %1\n sel %0, %0, %1" : "+r"(four.even) : "r"(word) : "r12", "cc");
      }
    }
    p += line;
  }
  return four;
}

EB_INLINE void eb_dsp_pool(const struct eb_pool *g, const int8_t *in, int8_t *out, int32_t is_mean) {
  const int32_t channels = g->channels, line = g->in_w * channels;
  for (int32_t row = 0; row < g->out_h; row++) {
    const int32_t y = row * g->stride_h - g->pad_top;
    const int32_t top = y < 0 ? 0 : y, bottom = y + g->kernel_h < g->in_h ? y + g->kernel_h : g->in_h;
    for (int32_t column = 0; column < g->out_w; column++) {
      const int32_t x = column * g->stride_w - g->pad_left;
      const int32_t left = x < 0 ? 0 : x, right = x + g->kernel_w < g->in_w ? x + g->kernel_w : g->in_w;
      const int32_t count = (bottom - top) * (right - left);
      const int8_t *const window = in + top * line + left * channels;
      for (int32_t at = 0; at < channels; at += 4) {
        const int32_t c = at + 4 <= channels ? at : channels - 4;
        struct eb_dsp_four four =
            eb_dsp_pool_word(window + c, line, channels, bottom - top, right - left, is_mean);
#pragma GCC unroll 1
        for (int32_t i = 0; i < 4; i++) {
          int32_t result = is_mean ? (int16_t)four.even : (int8_t)four.even;
          if (is_mean) {
            const int32_t next = four.even >> 16;
            four.even = four.odd;
            four.odd = next;
            result = (result > 0 ? result + count / 2 : result - count / 2) / count;
          } else {
            four.even >>= 8;
          }
          out[c + i] = eb_clamp(result, g->low, g->high);
        }
      }
      out += channels;
    }
  }
}

#define EB_DSP_POOL(name, is_mean)                                                                                   \
  EB_SHARED void name(const struct eb_pool *g, const int8_t *in, int8_t *out) { eb_dsp_pool(g, in, out, is_mean); }
