/* The mean over two groups of axes: in[outer][first][middle][second][inner], out[outer][middle][inner]. */
struct eb_mean {
  int32_t multiplier;
  int32_t offset; /* zero point times the values in a mean */
  int8_t right;
  int16_t zero_point;
  int32_t outer, first, middle, second, inner;
};

EB_SHARED void eb_means(const struct eb_mean *g, const int8_t *in, int8_t *out) {
  for (int32_t o = 0; o < g->outer; o++) {
    for (int32_t m = 0; m < g->middle; m++) {
      for (int32_t i = 0; i < g->inner; i++) {
        int32_t sum = -g->offset;
        for (int32_t f = 0; f < g->first; f++) {
          const int8_t *p = in + (((o * g->first + f) * g->middle + m) * g->second) * g->inner + i;
          for (int32_t s = 0; s < g->second; s++) {
            sum += *p;
            p += g->inner;
          }
        }
        *out++ = eb_clamp(eb_scale(sum, g->multiplier, g->right) + g->zero_point, -128, 127);
      }
    }
  }
}
