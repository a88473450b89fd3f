/* A convolution as windows that become rows; `matrix` is that of one group. */
struct eb_convolution {
  struct eb_window window;
  struct eb_matrix matrix;
  uint16_t out_h, out_w, out_c;
  uint16_t stride_h, stride_w;
  int16_t pad_top, pad_left;
};
