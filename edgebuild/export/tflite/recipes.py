"""Half precision, dynamic and weight-only int8 and int4, through the recipes of ai-edge-quantizer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ToolError
from edgebuild.export.tflite.layer_operators import results_of
from edgebuild.runtime.litert_quiet import quiet

if TYPE_CHECKING:
    from edgebuild.export.tflite.quantizers import QuantizeTask

_EVERYWHERE = ".*"


def half_precision(task: QuantizeTask) -> bytes:
    """Store weights as float16, dequantized in front of each operation; biases and activations stay float32."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    quantizer = _quantizer(task)
    quantizer.update_quantization_recipe(
        _EVERYWHERE,
        qtyping.TFLOperationName.ALL_SUPPORTED,
        algorithm_key=AlgorithmName.FLOAT_CASTING,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
    )
    return _quantize(quantizer, task)


def dynamic(task: QuantizeTask) -> bytes:
    """Store weights as int8 and quantize activations at run time.

    tflite-runtime 2.14 reads a per-channel FULLY_CONNECTED of this kind as if it were per tensor and is silently wrong;
    `task.fully_connected` decides. Every runtime reads a per-tensor DEPTHWISE_CONV_2D of this kind as if it were per
    channel, beyond the end of its one scale: it stays per channel whatever is asked.
    """
    from ai_edge_quantizer import qtyping

    quantizer, operations = _quantizer(task), qtyping.TFLOperationName
    quantizer.add_dynamic_config(
        _EVERYWHERE, operations.ALL_SUPPORTED, num_bits=8, granularity=_granularity(task.granularity)
    )
    exceptions = {operations.FULLY_CONNECTED: task.fully_connected, operations.DEPTHWISE_CONV_2D: "per_channel"}
    for operation, granularity in exceptions.items():
        if granularity != task.granularity:
            quantizer.add_dynamic_config(_EVERYWHERE, operation, num_bits=8, granularity=_granularity(granularity))
    _leave_float(quantizer, task)
    return _quantize(quantizer, task)


def weight_only(task: QuantizeTask) -> bytes:
    """Store weights as int8, dequantized in front of each operation, which computes in float32."""
    from ai_edge_quantizer import qtyping

    quantizer = _quantizer(task)
    quantizer.add_weight_only_config(
        _EVERYWHERE,
        qtyping.TFLOperationName.ALL_SUPPORTED,
        num_bits=8,
        granularity=_granularity(task.granularity),
    )
    _leave_float(quantizer, task)
    return _quantize(quantizer, task)


def dynamic_four_bits(task: QuantizeTask) -> bytes:
    """As `dynamic`, with 4-bit weights, one scale a channel, for the operations that have a kernel for them.

    tflite-runtime 2.14 has none for convolutions and computes NaN without saying so.
    """
    from ai_edge_quantizer import qtyping

    quantizer, operations = _quantizer(task), qtyping.TFLOperationName
    quantizer.add_dynamic_config(_EVERYWHERE, operations.ALL_SUPPORTED, num_bits=8)
    for operation in (operations.CONV_2D, operations.FULLY_CONNECTED, operations.EMBEDDING_LOOKUP):
        quantizer.add_dynamic_config(_EVERYWHERE, operation, num_bits=4)
    for result in results_of(task.model, task.layers_of("int8"), task.label):
        quantizer.add_dynamic_config(_scope(result), operations.ALL_SUPPORTED, num_bits=8)
    _leave_float(quantizer, task)
    return _quantize(quantizer, task)


def weight_only_four_bits(task: QuantizeTask) -> bytes:
    """As `weight_only`, with 4-bit weights, one scale a channel, where the quantizer takes them."""
    from ai_edge_quantizer import qtyping

    quantizer, operations = _quantizer(task), qtyping.TFLOperationName
    quantizer.add_weight_only_config(_EVERYWHERE, operations.ALL_SUPPORTED, num_bits=8)
    for operation in (
        operations.CONV_2D,
        operations.FULLY_CONNECTED,
        operations.EMBEDDING_LOOKUP,
        operations.BATCH_MATMUL,
    ):
        quantizer.add_weight_only_config(_EVERYWHERE, operation, num_bits=4)
    for result in results_of(task.model, task.layers_of("int8"), task.label):
        quantizer.add_weight_only_config(_scope(result), operations.ALL_SUPPORTED, num_bits=8)
    _leave_float(quantizer, task)
    return _quantize(quantizer, task)


def _leave_float(quantizer: Any, task: QuantizeTask) -> None:
    """Take the layers that stay float32 out of the recipe; what is added last counts."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    for result in results_of(task.model, task.layers_of("float32"), task.label):
        quantizer.update_quantization_recipe(
            _scope(result), qtyping.TFLOperationName.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
        )


def _scope(result: str) -> str:
    """What matches the operation that makes the tensor `result`, and no other one."""
    return f"^{re.escape(result)};$"


def _granularity(name: str) -> Any:
    from ai_edge_quantizer import qtyping

    return {
        "per_channel": qtyping.QuantGranularity.CHANNELWISE,
        "per_tensor": qtyping.QuantGranularity.TENSORWISE,
    }[name]


def _quantizer(task: QuantizeTask) -> Any:
    with quiet("ai_edge_quantizer"):
        from ai_edge_quantizer import quantizer

        return quantizer.Quantizer(bytearray(task.model))


def _quantize(quantizer: Any, task: QuantizeTask) -> bytes:
    with quiet("ai_edge_quantizer"):
        try:
            return bytes(quantizer.quantize().quantized_model)
        except (RuntimeError, ValueError, KeyError, NotImplementedError) as error:
            msg = f"ai-edge-quantizer failed to make {task.label} {task.dtype}: {error}"
            raise ToolError(msg, remedy="try another dtype, or report the operation it names") from error
