"""Keep the calibrator from quantizing an operator: while it works, the operator is a custom one that it cannot know.

It then leaves the operator's weight, bias and result in float32, dequantizes what the operator reads and quantizes what
reads its result, as it does for any operation without an integer kernel. Everything else comes out as it would have.
An input of the model that some other operator reads in integers it would dequantize too: `read_inputs` mends that.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import operator_name

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


def read_inputs(model: Any, hidden: Collection[bytes]) -> None:
    """Let hidden operators read inputs of the model as they are given, not quantized and dequantized, in place."""
    graph = model.subgraphs[0]
    codes = [code.customCode for code in model.operatorCodes]
    makers = {int(operator.outputs[0]): operator for operator in graph.operators if len(operator.outputs)}
    given = {int(index) for index in graph.inputs}

    def before(index: int) -> int:
        """What the operator that only converts a type made tensor `index` of; itself where another one made it."""
        maker = makers.get(index)
        if maker is None or operator_name(model, maker) not in ("QUANTIZE", "DEQUANTIZE"):
            return index
        return int(maker.inputs[0])

    for operator in graph.operators:
        if codes[operator.opcodeIndex] in hidden:
            exact = {index: before(before(int(index))) for index in operator.inputs if index >= 0}
            operator.inputs = np.array(
                [exact.get(i, i) if exact.get(i) in given else i for i in operator.inputs], np.int32
            )
    read = {int(index) for operator in graph.operators for index in operator.inputs} | {int(i) for i in graph.outputs}
    graph.operators = [
        operator
        for operator in graph.operators
        if operator_name(model, operator) != "DEQUANTIZE" or int(operator.outputs[0]) in read
    ]


def show(model: Any, hidden: dict[bytes, Any]) -> None:
    """Give the operators that `hide` took away their codes back, in place."""
    for position, code in enumerate(model.operatorCodes):
        if code.customCode in hidden:
            model.operatorCodes[position] = hidden[code.customCode]
