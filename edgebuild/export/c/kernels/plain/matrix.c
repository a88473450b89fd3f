/* A matrix product of int8 rows: what convolutions become once their pixels stand in a row. */
struct eb_matrix {
  const int8_t *weights; /* [channels][depth] */
  const int32_t *bias;   /* minus the input's zero point times the weights */
  const int32_t *multiplier;
  const int8_t *right;
  int32_t channels;
  int32_t depth;
  int16_t zero_point;
  int16_t low;
  int16_t high;
};
