"""RESIZE_NEAREST_NEIGHBOR in plain C: which row and column each output pixel copies stands in two tables."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel


def nearest(in_size: int, out_size: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """uint16 [out_size]: the index that each output index copies, in the float32 arithmetic of TFLite."""
    if align_corners and out_size > 1:
        scale = np.float32(in_size - 1) / np.float32(out_size - 1)
    else:
        scale = np.float32(in_size) / np.float32(out_size)
    place = (np.arange(out_size, dtype=np.float32) + np.float32(0.5 if half_pixel else 0.0)) * scale
    index = np.floor(place + np.float32(0.5)) if align_corners else np.floor(place)
    return np.asarray(np.clip(index, 0, in_size - 1).astype(np.uint16))


class ResizeNearestPlain(Kernel):
    """Pixels are copied whole."""

    ops = ("RESIZE_NEAREST_NEIGHBOR",)

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def cost(self, node: Node) -> float:
        """A few instructions a value, and more a pixel."""
        return 2.0 * node.output.elements + 20 * node.output.elements / node.output.shape[3]

    def emit(self, node: Node, context: LayerContext) -> str:
        """Three loops."""
        images, in_h, in_w, channels = node.input.shape
        _, out_h, out_w, _ = node.output.shape
        align = bool(node.options.get("alignCorners", False))
        half = bool(node.options.get("halfPixelCenters", False))
        rows = context.constant("rows", nearest(in_h, out_h, align, half))
        columns = context.constant("columns", nearest(in_w, out_w, align, half))
        return (
            f"int8_t *out = {context.output()};\n"
            f"for (int32_t image = 0; image < {images}; image++) {{\n"
            f"  for (int32_t y = 0; y < {out_h}; y++) {{\n"
            f"    const int8_t *row = {context.input()} + (image * {in_h} + {rows}[y]) * {in_w * channels};\n"
            f"    for (int32_t x = 0; x < {out_w}; x++) {{\n"
            f"      memcpy(out, row + {columns}[x] * {channels}, {channels});\n"
            f"      out += {channels};\n    }}\n  }}\n}}"
        )


KERNELS.register("resize_nearest_plain")(ResizeNearestPlain())
