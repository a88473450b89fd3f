"""The kernels: one file each (or one for a few that share their C), found by themselves.

To add a kernel, put a module below this package, `kernels/dsp/pointwise.py`, with a class of `kernel.Kernel` and one
line that registers an instance:

    class PointwiseDsp(Kernel):
        ops = ("CONV_2D", "FULLY_CONNECTED")     # the schema's words
        features = frozenset({"dsp"})            # what `cores.py` must grant; leave out for plain C

        def supports(self, node): ...            # geometry it computes; `operations.py` has checked types already
        def scratch_bytes(self, node): ...       # working memory while the layer runs, 16-byte aligned, in the arena
        def overlap(self, node, index): ...      # may the output lie over input `index`? see `Kernel.overlap`
        def cost(self, node): ...                # rough instructions; `CompileOptions.kernels` overrules the ranking
        def emit(self, node, context): ...       # statements: the body of `static void model_layer_NN(int8_t *arena)`

    KERNELS.register("pointwise_dsp")(PointwiseDsp())

What `emit` works with:

- `convolution.convolution_of(node)` gives geometry, weights, folded bias (minus input zero point times sum of weights,
  so that stored values are multiplied as they are and padding counts as the zero point), multipliers, right shifts
  (negative: left), clamp. `operations.py` has proved that no sum, in any order, reaches 2**30.
- `context.input(i)`, `context.output(i)`, `context.scratch("int16_t")` are C expressions of pointers.
- `context.constant("weights", array, "weights")` stores an array in flash (its dtype is the C type; repack it as you
  like) and returns its symbol; role "weights" for what the file's weights and biases became, "table" for all else.
- `context.fragment("requantize.c", "dsp/pointwise.c")` pastes files of this folder into model.c, once, in that order.
  Mark functions in them `EB_SHARED` (one copy for all layers) or `EB_INLINE` (specialised in every layer by the
  constants it is called with: larger, faster); both macros are in `preamble.c`. Intrinsics and inline assembly stand
  behind `#if defined(__ARM_FEATURE_DSP)` or `__ARM_FEATURE_MVE`. Names begin with `eb_`, so that nothing collides.
- `initializer.initializer("eb_matrix", "m", {...})` writes a `static const struct`.

Everything a layer does belongs in its function: the harness counts instructions between the entries of these functions.
Values written must be TFLite Micro's, bit for bit: `tests/mcu/` holds every kernel against it.
"""
