"""A .tflite as TensorFlow's converter wrote those whose times were published; the numbers it computes are others.

PyTorch pads evenly, which TFLite can only do by an operation of its own before each convolution that steps by two; the
published files let the convolution pad (`SAME`). And a detector ended with the custom operation that sorts its boxes.
Both run on one thread whatever the runtime has, so that they would spoil what is said of several.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import operator_name, tensor_shape, type_name

DETECTIONS, CLASSES = 10, 90
"""Boxes that are kept and classes besides the background: the defaults of `export_tflite_ssd_graph.py`."""
_PADS = {"PAD": ("CONV_2D", "DEPTHWISE_CONV_2D"), "PADV2": ("MAX_POOL_2D",)}


def let_layers_pad(model: Any) -> int:
    """Take out every PAD that only one convolution or pooling reads, which then pads by itself; how many went."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    readers = Counter(int(index) for one in graph.operators for index in one.inputs)
    pads = {int(one.outputs[0]): one for one in graph.operators if operator_name(model, one) in _PADS}
    gone = []
    for one in graph.operators:
        source = int(one.inputs[0])
        if source not in pads or readers[source] > 1:
            continue
        if operator_name(model, one) in _PADS[operator_name(model, pads[source])]:
            one.inputs = [int(pads[source].inputs[0]), *one.inputs[1:]]
            one.builtinOptions.padding = schema.Padding.SAME
            gone.append(pads[source])
    graph.operators = [one for one in graph.operators if not any(one is pad for pad in gone)]
    return len(gone)


def add_post_processing(model: Any) -> None:
    """End a detector, whose outputs are boxes [1, n, 4] and scores [1, n, classes], with what picks the best boxes."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    boxes, scores = sorted((int(index) for index in graph.outputs), key=lambda at: tensor_shape(graph.tensors[at])[-1])
    places = tensor_shape(graph.tensors[boxes])[1]
    anchors = np.random.default_rng(0).random((places, 4), dtype=np.float32)
    inputs = [_as_float(model, boxes), _as_float(model, scores), _tensor(model, anchors.shape, anchors)]
    outputs = [_tensor(model, shape) for shape in ((1, DETECTIONS, 4), (1, DETECTIONS), (1, DETECTIONS), (1,))]
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = schema.BuiltinOperator.CUSTOM, 32, 1
    code.customCode = b"TFLite_Detection_PostProcess"
    operator = _operator(model, code, inputs, outputs)
    operator.customOptions = np.frombuffer(_options(), np.uint8)
    graph.outputs, model.signatureDefs = outputs, None


def _options() -> bytes:
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Int("max_detections", DETECTIONS)
        builder.Int("max_classes_per_detection", 1)
        builder.Float("nms_score_threshold", 1e-8)
        builder.Float("nms_iou_threshold", 0.6)
        builder.Int("num_classes", CLASSES)
        for name, scale in (("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0)):
            builder.Float(name, scale)
    return bytes(builder.Finish())


def _as_float(model: Any, index: int) -> int:
    """The tensor at `index`, or one of float32 that is made of it."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = model.subgraphs[0].tensors[index]
    if type_name(tensor.type) == "float32":
        return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 2
    made = _tensor(model, tensor_shape(tensor))
    _operator(model, code, [index], [made])
    return made


def _tensor(model: Any, shape: tuple[int, ...], values: np.ndarray | None = None) -> int:
    from ai_edge_litert import schema_py_generated as schema

    buffer, tensor = schema.BufferT(), schema.TensorT()
    if values is not None:
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    graph = model.subgraphs[0]
    tensor.shape, tensor.type = list(shape), schema.TensorType.FLOAT32
    tensor.buffer, tensor.name = len(model.buffers) - 1, f"added_{len(graph.tensors)}".encode()
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: Any, code: Any, inputs: list[int], outputs: list[int]) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes) - 1, inputs, outputs
    model.subgraphs[0].operators.append(operator)
    return operator
