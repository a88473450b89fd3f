/* Products; with `keep_positive` only where the first input is negative (PRELU), which has a multiplier of its own.
   `step_a` and `step_b` are 1, or 0 for an input of which one value serves all. */
struct eb_times {
  int32_t multiplier, multiplier_positive;
  int8_t right, right_positive;
  int8_t keep_positive;
  int16_t zero_point_a, zero_point_b, zero_point;
  int16_t low, high;
};
