EB_SHARED void eb_average_pool(const struct eb_pool *g, const int8_t *in, int8_t *out) {
  eb_pool(g, in, out, 1);
}
