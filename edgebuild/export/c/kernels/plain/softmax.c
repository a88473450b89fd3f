/* A softmax over each row. `exponents[d]` is exp(-d * scale) * 2^31; beyond the table it counts as 0. */
EB_INLINE int32_t eb_high(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

EB_INLINE int32_t eb_halves(int32_t value, int32_t right) {
  const int32_t mask = (int32_t)((UINT32_C(1) << right) - 1);
  return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0));
}

/* 1 / (1 + x) * 2^31 for 0 <= x < 1 with 31 fractional bits, by three steps of Newton's method. */
EB_SHARED int32_t eb_reciprocal(int32_t x) {
  const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
  int32_t guess = INT32_C(1515870810) + eb_high(half, INT32_C(-1010580540));
  for (int32_t step = 0; step < 3; step++) {
    guess += eb_high(guess, (INT32_C(1) << 29) - eb_high(half, guess)) * 4;
  }
  return guess >= (INT32_C(1) << 30) ? INT32_MAX : guess * 2;
}

EB_SHARED void eb_softmax(const int32_t *exponents, int32_t entries, const int8_t *in, int8_t *out, int32_t rows,
                          int32_t depth) {
  for (; rows > 0; rows--) {
    int32_t largest = in[0], sum = 0, lead = 0;
    for (int32_t i = 1; i < depth; i++) {
      largest = in[i] > largest ? in[i] : largest;
    }
    for (int32_t i = 0; i < depth; i++) {
      const int32_t below = largest - in[i];
      sum += below < entries ? eb_halves(exponents[below], 12) : 0;
    }
    while (((uint32_t)sum << lead) < UINT32_C(0x80000000)) {
      lead++;
    }
    const int32_t scale = eb_reciprocal((int32_t)(((uint32_t)sum << lead) - UINT32_C(0x80000000)));
    const int32_t right = 12 - lead + 31 - 8;
    for (int32_t i = 0; i < depth; i++) {
      const int32_t below = largest - in[i];
      int32_t value = -128;
      if (below < entries) {
        value += right > 31 ? 0 : eb_halves(eb_high(scale, exponents[below]), right);
      }
      out[i] = (int8_t)(value > 127 ? 127 : value);
    }
    in += depth;
    out += depth;
  }
}
