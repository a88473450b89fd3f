/* Sums and differences: both inputs are brought to one scale, 20 bits finer, and the result to the output's.
   `step_a` and `step_b` are 1, or 0 for an input of which one value serves all. */
struct eb_sum {
  int32_t multiplier_a, multiplier_b, multiplier;
  int8_t right_a, right_b, right;
  int8_t sign; /* of the second input */
  int16_t zero_point_a, zero_point_b, zero_point;
  int16_t low, high;
};
