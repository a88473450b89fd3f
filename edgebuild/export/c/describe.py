"""A compiled model as plain JSON values: what reports and the command line say about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edgebuild.export.c.compile import CompiledModel


def compiled_facts(compiled: CompiledModel) -> dict[str, Any]:
    """Everything but the text of the files.

    `arena_bytes` is exact and includes working memory; `memory` says where in it every buffer lies, and from which
    layer to which (-1: from the start; the number of layers: to the end).
    """
    plan = compiled.memory
    return {
        "core": compiled.core,
        "prefix": compiled.prefix,
        "files": sorted(compiled.files),
        "arena_bytes": compiled.arena_bytes,
        "arena_lower_bound": compiled.arena_lower_bound,
        "weight_bytes": compiled.weight_bytes,
        "table_bytes": compiled.table_bytes,
        "macs": sum(layer.macs for layer in compiled.layers),
        "layers": [asdict(layer) for layer in compiled.layers],
        "inputs": [asdict(port) for port in compiled.inputs],
        "outputs": [asdict(port) for port in compiled.outputs],
        "memory": [
            {
                "name": buffer.name,
                "offset": offset,
                "bytes": buffer.size,
                "first_layer": buffer.first,
                "last_layer": buffer.last,
            }
            for buffer, offset in zip(plan.buffers, plan.offsets, strict=True)
        ],
    }
