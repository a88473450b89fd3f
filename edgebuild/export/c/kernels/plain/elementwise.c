/* Sums and differences: both inputs are brought to one scale, 20 bits finer, and the result to the output's.
   `step_a` and `step_b` are 1, or 0 for an input of which one value serves all. */
struct eb_sum {
  int32_t multiplier_a, multiplier_b, multiplier;
  int8_t right_a, right_b, right;
  int8_t sign; /* of the second input */
  int16_t zero_point_a, zero_point_b, zero_point;
  int16_t low, high;
};

/* Expanded in every layer: all of `g` becomes constants. */
EB_INLINE void eb_sum_run(const struct eb_sum g, const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b,
                          int8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t p = (a[i * step_a] - g.zero_point_a) * (INT32_C(1) << 20);
    const int32_t q = (b[i * step_b] - g.zero_point_b) * (INT32_C(1) << 20);
    const int32_t sum = eb_scale(p, g.multiplier_a, g.right_a) + g.sign * eb_scale(q, g.multiplier_b, g.right_b);
    out[i] = eb_clamp(eb_scale(sum, g.multiplier, g.right) + g.zero_point, g.low, g.high);
  }
}
