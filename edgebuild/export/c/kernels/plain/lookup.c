/* One value of 8 bits after another through a table. */
EB_SHARED void eb_lookup(const uint8_t *table, const uint8_t *in, uint8_t *out, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    out[i] = table[in[i]];
  }
}
