"""Post-training quantization of an exported graph with the quantizer of the XNNPACK backend (PT2E)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.export.executorch.layers import is_part, layer_of
from edgebuild.export.executorch.quantizers import (
    QuantizerOf,
    Wanted,
    dynamic_quantizer,
    pass_by,
    static_quantizer,
    trained_quantizer,
)
from edgebuild.export.executorch.trained import set_ranges
from edgebuild.model.fakequant.floating import float_nodes
from edgebuild.model.fakequant.ranges import ActivationRanges
from edgebuild.progress import ProgressSink

if TYPE_CHECKING:
    import torch

_KINDS = {"int8": ("static", "qat"), "int8-dynamic": ("dynamic",), "int4-dynamic": ("dynamic",)}


def quantize(
    graph: torch.fx.GraphModule,
    scheme: Mapping[str, Any] | None,
    dtype: str,
    samples: Mapping[str, np.ndarray],
    progress: ProgressSink,
    trained: ActivationRanges | None = None,
    done: Collection[str] = (),
    own: QuantizerOf | None = None,
) -> torch.fx.GraphModule:
    """Calibrate and convert `graph`; the result computes in float between quantize and dequantize nodes.

    Args:
        graph: of the exported float model, batch 1.
        scheme: `ModelRecord.quantization`.
        dtype: `int8`, `int8-dynamic` or `int4-dynamic`, what the profile exports.
        samples: input name -> [n, ...], in the order of the model's arguments; unused for dynamic.
        progress: one step per sample.
        trained: ranges that activations have instead of calibrated ones, wherever the graph has the activation.
        done: layers that are quantized already.
        own: makes the quantizer of another backend than XNNPACK; for int8 only.

    Raises:
        ConfigError: the plan's quantize step and the export dtype do not agree, or there are no samples.
    """
    import torch
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    agreed = _agreed(scheme, dtype)
    per_channel = agreed.get("granularity") != "per_tensor"
    linears = per_channel and (trained is None or agreed.get("fully_connected", "per_channel") == "per_channel")
    floats = float_nodes(graph.graph, float_layers(agreed, graph))
    wanted = Wanted(per_channel, linears, trained is not None, floats)
    quantizer = own(wanted) if own is not None else _for_xnnpack(wanted, dtype, done)
    prepared = prepare_pt2e(graph, quantizer)
    arrays = list(samples.values()) if dtype == "int8" else [array[:1] for array in samples.values()]
    count = len(arrays[0]) if arrays else 0
    if count == 0:
        msg = "export dtype int8 needs calibration samples, found none in the model folder"
        raise ConfigError(msg, remedy="let the plan's quantize step calibrate: quantize: {kind: static}")
    with torch.no_grad():
        for index in range(count):
            prepared(*(torch.from_numpy(np.array(array[index : index + 1])) for array in arrays))
            progress.update(0.1 + 0.5 * (index + 1) / count, f"calibrating {index + 1}/{count}")
    if trained is not None:
        set_ranges(prepared, trained, samples)
    converted: torch.fx.GraphModule = convert_pt2e(prepared)
    return converted


def _for_xnnpack(wanted: Wanted, dtype: str, done: Collection[str]) -> Any:
    if wanted.decided:
        quantizer = trained_quantizer(wanted.per_channel, wanted.linear_per_channel)
    elif dtype == "int8":
        quantizer = static_quantizer(wanted.per_channel)
    else:
        quantizer = dynamic_quantizer(wanted.per_channel)
    pass_by(quantizer, wanted.floats, done)
    return quantizer


def read_calibration(folder: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The samples that the quantize step chose, in the order of the model's arguments; empty where it chose none."""
    paths = {name: folder / f"calibration.{name}.npy" for name in names}
    if not all(path.exists() for path in paths.values()):
        return {}
    return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}


def float_layers(scheme: Mapping[str, Any], graph: torch.fx.GraphModule) -> frozenset[str]:
    """The layers that stay float32.

    Raises:
        ConfigError: the graph has not one of the layers that the scheme names.
    """
    types: Mapping[str, str] = scheme.get("layer_types", {})
    known = {layer_of(node) for node in graph.graph.nodes}
    missing = [layer for layer in types if not any(is_part(str(one), layer) for one in known)]
    if missing:
        msg = f"the graph for ExecuTorch has no operation of layer {missing[0]!r}: it has no type of its own"
        raise ConfigError(msg, remedy="take it out of the layers that the plan names")
    return frozenset(layer for layer, kind in types.items() if kind == "float32")


def _agreed(scheme: Mapping[str, Any] | None, dtype: str) -> Mapping[str, Any]:
    found = scheme.get("kind") if scheme else None
    kind = _KINDS[dtype][0]
    if scheme is None or found not in _KINDS[dtype]:
        msg = f"export dtype {dtype} needs a plan step quantize with kind: {kind}, found {found or 'none'}"
        raise ConfigError(msg, remedy=f"add to the plan: quantize: {{kind: {kind}}}")
    if scheme.get("activations", "int8") != "int8":
        msg = f"executorch has int8 activations only, found activations: {scheme['activations']}"
        raise ConfigError(msg, remedy="use activations: int8, or export tflite with dtype int16x8")
    if dtype != "int8" and scheme.get("granularity") == "per_tensor":
        msg = f"executorch computes {dtype} with one scale per channel only, found granularity: per_tensor"
        raise ConfigError(msg, remedy="use granularity: per_channel, which is more accurate, or dtype int8")
    return scheme
