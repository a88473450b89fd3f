"""Keep the calibrator from quantizing an operator: while it works, the operator is a custom one that it cannot know.

It then leaves the operator's weight, bias and result in float32, dequantizes what the operator reads and quantizes what
reads its result, as it does for any operation without an integer kernel. Everything else comes out as it would have.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

_NAME = "edgebuild_float_"


def hide(model: Any, positions: Collection[int]) -> dict[bytes, Any]:
    """Turn the operators at `positions` of a `ModelT` into custom ones; return custom name -> their operator code."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    hidden: dict[bytes, Any] = {}
    names: dict[int, int] = {}
    codes = list(model.operatorCodes)
    for position in sorted(positions):
        operator = graph.operators[position]
        own = int(operator.opcodeIndex)
        if own not in names:
            custom = copy.copy(codes[own])
            custom.builtinCode = custom.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
            custom.customCode, custom.version = f"{_NAME}{own}".encode(), 1
            hidden[custom.customCode] = codes[own]
            names[own] = len(codes)
            codes.append(custom)
        operator.opcodeIndex = names[own]
    # A code that no operator has any more would be looked up in vain: the calibrator registers kernels by operator.
    used = sorted({int(operator.opcodeIndex) for operator in graph.operators})
    for operator in graph.operators:
        operator.opcodeIndex = used.index(int(operator.opcodeIndex))
    model.operatorCodes = [codes[index] for index in used]
    return hidden


def show(model: Any, hidden: dict[bytes, Any]) -> None:
    """Give the operators that `hide` took away their codes back, in place."""
    for position, code in enumerate(model.operatorCodes):
        if code.customCode in hidden:
            model.operatorCodes[position] = hidden[code.customCode]
