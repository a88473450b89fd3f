"""QUANTIZE from float and DEQUANTIZE to float: the edges of a model whose inputs or outputs are float."""

from __future__ import annotations

from edgebuild.export.c.activation import LIMITS
from edgebuild.export.c.context import C_TYPES, LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.header import c_float
from edgebuild.export.c.kernel import KERNELS, Kernel


class QuantizeFloatPlain(Kernel):
    """float32 to int8 or uint8."""

    ops = ("QUANTIZE",)

    def supports(self, node: Node) -> bool:
        """Only from float; between integers a table serves."""
        return node.input.dtype == "float32"

    def overlap(self, node: Node, index: int) -> int | None:
        """A value is read before a smaller one is written."""
        return 0

    def cost(self, node: Node) -> float:
        """About 20 instructions a value with a floating-point unit."""
        return 20.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop."""
        context.fragment("plain/quantize.c")
        low, high = LIMITS[node.output.dtype]
        c_type = C_TYPES[node.output.dtype]
        arguments = f"{c_float(node.output.scale)}, {node.output.zero_point}, {low}, {high}"
        return (
            f"const int8_t *in = (const int8_t *){context.input()};\n"
            f"{c_type} *out = {context.output()};\n"
            f"for (int32_t i = 0; i < {node.output.elements}; i++) {{\n"
            f"  out[i] = ({c_type})eb_quantize(in + 4 * i, {arguments});\n}}"
        )


class DequantizePlain(Kernel):
    """int8 or uint8 to float32."""

    ops = ("DEQUANTIZE",)

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """Four bytes are written for one that is read."""
        return 3 * node.input.elements + 1

    def cost(self, node: Node) -> float:
        """About 10 instructions a value with a floating-point unit."""
        return 10.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop."""
        return (
            f"const {C_TYPES[node.input.dtype]} *in = {context.input()};\n"
            f"int8_t *out = (int8_t *){context.output()};\n"
            f"for (int32_t i = 0; i < {node.output.elements}; i++) {{\n"
            f"  const float value = {c_float(node.input.scale)} * (float)(in[i] - ({node.input.zero_point}));\n"
            "  memcpy(out + 4 * i, &value, sizeof value);\n}"
        )


KERNELS.register("quantize_float_plain")(QuantizeFloatPlain())
KERNELS.register("dequantize_plain")(DequantizePlain())
