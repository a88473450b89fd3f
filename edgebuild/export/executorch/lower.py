"""From an exported graph to the bytes of a .pte file: XNNPACK delegates, layers and metadata inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.export.executorch.half import half_filters
from edgebuild.export.executorch.layers import layer_of, record_layers, weighted_layers
from edgebuild.export.executorch.layout import keep_reordering
from edgebuild.runtime.executorch_file import METADATA_METHOD

if TYPE_CHECKING:
    import torch


def lower(
    graph: torch.fx.GraphModule,
    inputs: Sequence[torch.Tensor],
    metadata: Mapping[str, Any],
    *,
    half: bool = False,
    partitioner: Any = None,
) -> tuple[bytes, dict[str, Any]]:
    """Lower `graph` to a .pte; return its bytes and the record of layers that is inside (`layers` of the metadata).

    Args:
        graph: module of an exported program, quantized or not.
        inputs: tensors with the shapes, dtypes and memory layout that the file will take.
        metadata: plain JSON, stored as the string value of the method `edgebuild_metadata`.
        half: the graph computes in float16.
        partitioner: of another backend than XNNPACK.

    Raises:
        ConfigError: an operation has no place in an ExecuTorch program; it and its layer are named.
    """
    import torch
    from executorch.backends.xnnpack._passes.remove_noop_expand_copy_pass import RemoveNoopExpandCopyPass
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    try:
        exported = torch.export.export(graph, tuple(inputs))
        keep_reordering(exported)
        with half_filters() if half else nullcontext():
            lowered = to_edge_transform_and_lower(
                exported,
                transform_passes=[RemoveNoopExpandCopyPass()],
                partitioner=[partitioner or XnnpackPartitioner()],
            )
        program = lowered.exported_program()
        layers = record_layers(program)
        if partitioner is not None:  # its delegates do not keep the handles of nodes
            layers["weighted"] = weighted_layers(program)
        return assemble(lowered, metadata, layers).buffer, layers
    except Exception as error:  # the lowering passes raise many unrelated types for an operation they do not know
        raise unsupported(graph, error) from error


def assemble(lowered: Any, metadata: Mapping[str, Any], layers: Mapping[str, Any]) -> Any:
    """The finished program of a lowered one (EdgeProgramManager), with what it says of itself inside."""
    from executorch.exir import EdgeProgramManager

    text = json.dumps({**metadata, "layers": layers}, sort_keys=True, separators=(",", ":"))
    manager = EdgeProgramManager(
        lowered.exported_program(), constant_methods={METADATA_METHOD: text}, compile_config=lowered.compile_config
    )
    return manager.to_executorch()


def unsupported(graph: torch.fx.GraphModule, error: Exception) -> ConfigError:
    """Name the operations that the message of a lowering pass speaks of, with their layers and the user's lines."""
    text = str(error)
    mentioned = set(re.findall(r"(?:aten|torch|prims)(?:::|\.)(\w+)", text))
    found = [place_of(node) for node in graph.graph.nodes if node.op == "call_function" and _is_named(node, mentioned)]
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__).strip(' "')
    what = f": {', '.join(dict.fromkeys(found))}" if found else ""
    msg = f"the model cannot be lowered to ExecuTorch{what}: {first[:300]}"
    return ConfigError(msg, remedy="replace the operation by one that ExecuTorch has")


def place_of(node: torch.fx.Node) -> str:
    """For messages: `erfcx of layer 'body.3' at model.py:12`."""
    line = _user_line(node)
    name = str(node.target).removeprefix("aten.").split(".")[0]
    return f"{name} of layer {layer_of(node)!r}{f' at {line}' if line else ''}"


def _is_named(node: torch.fx.Node, mentioned: set[str]) -> bool:
    """True where a message speaks of the node's operation, or of a part that torch decomposes it into."""
    name = str(node.target).removeprefix("aten.").split(".")[0]
    return name in mentioned or any(part.startswith("_") and name.startswith(part.strip("_")) for part in mentioned)


def _user_line(node: torch.fx.Node) -> str | None:
    """`file:line` of the innermost frame that the tracer noted, without the folder."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in frames if "site-packages" not in file]
    return f"{own[-1][0].rsplit('/', 1)[-1]}:{own[-1][1]}" if own else None
