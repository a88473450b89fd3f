"""Refuses what the compiler cannot do, with an error that says what was found and what is supported."""

from __future__ import annotations

from edgebuild.errors import ConfigError
from edgebuild.export.c.graph import Graph, Node
from edgebuild.export.c.operations import OPERATIONS

REMEDY = "quantize the model full-integer (int8 activations and weights), or leave this operation out of it"


def check_graph(graph: Graph) -> None:
    """Look at every node.

    Raises:
        ConfigError: something is not supported; all such nodes are named, with operation, version, tensor and layer.
    """
    problems = [found for node in graph.nodes if (found := _problem_of(node)) is not None]
    if problems:
        unknown = any(node.op not in OPERATIONS for node in graph.nodes)
        known = [f"supported are: {', '.join(sorted(OPERATIONS))}"] if unknown else []
        msg = "\n  ".join([f"{graph.label} cannot be compiled:", *problems, *known])
        raise ConfigError(msg, remedy=REMEDY)
    floats = [tensor for tensor in (*graph.inputs, *graph.outputs) if tensor.dtype not in {"int8", "uint8", "float32"}]
    if floats:
        tensor = floats[0]
        msg = f"{graph.label}: input or output {tensor.name!r} is {tensor.dtype}, expected int8, uint8 or float32"
        raise ConfigError(msg, remedy=REMEDY)
    constant = [tensor for tensor in graph.outputs if tensor.data is not None]
    if constant:
        msg = f"{graph.label}: output {constant[0].name!r} is a constant, expected a computed value"
        raise ConfigError(msg)


def _problem_of(node: Node) -> str | None:
    operation = OPERATIONS.get(node.op)
    where = f"{node.op} version {node.version} (operation {node.index}, layer {node.layer!r})"
    if operation is None:
        return f"{where} is not supported"
    problem = operation.problem(node)
    return None if problem is None else f"{where}: {problem}; supported: {operation.supported}"
