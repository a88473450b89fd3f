"""Every rule for .tflite files: it fires on a real file with the fault, and stays silent on a real file without."""

from __future__ import annotations

from tests.check.conftest import Export
from tests.check.workshop import EDGE_TPU, LITERT, leave_float, promise, with_first_dimension, with_version


def test_a_file_as_promised_has_no_finding(tflite: Export) -> None:
    from edgebuild.check.verify import verify

    for dtype in ("fp32", "fp16", "int8", "int8-dynamic", "int8-weight-only", "int16x8"):
        file = tflite("plain", dtype)
        assert verify(file.census, promise("tflite", dtype), [], file.layers).findings == (), dtype


def test_float_weights_names_the_layer_that_was_left_out(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    weights, bias = source.with_bytes(leave_float(source, "body")).findings("float-weights", promise("tflite", "int8"))
    assert weights.message == "int8 asked: 1 of 4 weight tensors is float32 (body.0)"
    assert weights.layers == ("body.0",)
    assert bias.message == "int8 asked: 1 of 4 biases is float32 (body.0)"


def test_float_weights_in_a_float_file_where_half_precision_was_asked(tflite: Export) -> None:
    (finding,) = tflite("plain", "fp32").findings("float-weights", promise("tflite", "fp16"))
    assert finding.message == "fp16 asked: 4 of 4 weight tensors are float32 (fc, body.0, depthwise.0, stem.0)"
    assert finding.layers == ("stem.0", "depthwise.0", "body.0", "fc")


def test_quantized_weights_in_a_file_that_should_be_float(tflite: Export) -> None:
    (finding,) = tflite("plain", "int8-dynamic").findings("quantized-weights", promise("tflite", "fp32"))
    assert finding.message == "fp32 asked: 4 of 4 weight tensors are int8 (fc, body.0, depthwise.0, stem.0)"
    assert tflite("plain", "fp32").findings("quantized-weights", promise("tflite", "fp32")) == []


def test_dynamic_where_static_was_asked_computes_in_float(tflite: Export) -> None:
    file = tflite("plain", "int8-dynamic")
    (finding,) = file.findings("float-activations", promise("tflite", "int8"))
    assert finding.message == (
        "int8 asked: 5 of 5 operations compute in floating point (CONV_2D in stem.0, DEPTHWISE_CONV_2D in depthwise.0, "
        "CONV_2D in body.0, MEAN in pool, FULLY_CONNECTED in fc)"
    )
    assert file.findings("float-activations", promise("tflite", "int8-dynamic")) == []


def test_two_ranges_that_meet_in_a_concatenation_must_be_rescaled(tflite: Export) -> None:
    (finding,) = tflite("branching", "int8").findings("inner-quantize", promise("tflite", "int8"))
    assert finding.severity == "note"
    assert finding.message.startswith(
        "1 operation in the middle only converts a type or a scale (QUANTIZE int8 of scale "
    )
    assert " in left, before CONCATENATION); what comes behind takes one scale only" in finding.message


def test_inner_quantize_around_a_layer_that_was_left_in_float(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    (finding,) = source.with_bytes(leave_float(source, "body")).findings("inner-quantize", promise("tflite", "int8"))
    assert finding.message.startswith(
        "2 operations in the middle only convert types or scales (DEQUANTIZE int8 of scale "
    )
    assert finding.layers == ("depthwise.0", "body.0")
    assert finding.severity == "fatal"


def test_conversions_for_the_caller_are_not_inner(tflite: Export) -> None:
    for io in ("uint8", "float32"):
        file = tflite("plain", "int8", io=io)
        assert {operation.name for operation in file.census.operations} & {"QUANTIZE", "DEQUANTIZE"}
        assert file.findings("inner-quantize", promise("tflite", "int8", io=io)) == []


def test_stray_transpose_in_front_of_a_mean(tflite: Export) -> None:
    (finding,) = tflite("shuffling", "int8").findings("stray-transpose", promise("tflite", "int8"))
    assert finding.severity == "fatal"
    assert finding.message == "1 operation only reorders dimensions, layout nhwc needs none there (TRANSPOSE in swish)"
    assert finding.layers == ("swish",)


def test_a_mean_over_space_needs_no_transpose(tflite: Export) -> None:
    operations = [operation.name for operation in tflite("plain", "int8").census.operations]
    assert "TRANSPOSE" not in operations


def test_a_transpose_before_a_flatten_is_a_note(tflite: Export) -> None:
    (finding,) = tflite("flattening", "int8").findings("stray-transpose", promise("tflite", "int8"))
    assert finding.severity == "note"
    assert "the reshape beside it counts channels first" in finding.message


def test_transposes_that_the_model_itself_makes_are_a_note(tflite: Export) -> None:
    found = tflite("attending", "fp32").findings("stray-transpose", promise("tflite", "fp32"))
    assert {finding.severity for finding in found} == {"note"}
    assert any("as the model itself does (TRANSPOSE" in finding.message for finding in found)


def test_a_transpose_that_a_channels_first_caller_needs_is_not_stray(tflite: Export) -> None:
    file = tflite("plain", "fp32", layout="nchw")
    assert "TRANSPOSE" in {operation.name for operation in file.census.operations}
    assert file.findings("stray-transpose", promise("tflite", "fp32", layout="nchw")) == []
    (finding,) = file.findings("stray-transpose", promise("tflite", "fp32", layout="nhwc"))
    assert finding.severity == "fatal"


def test_io_dtype_of_every_input_and_output(tflite: Export) -> None:
    file = tflite("plain", "int8")
    found = [finding.message for finding in file.findings("io-dtype", promise("tflite", "int8", io="uint8"))]
    assert found == ["input image: uint8 promised, int8 found", "output scores: uint8 promised, int8 found"]
    assert file.findings("io-dtype", promise("tflite", "int8")) == []


def test_io_names_in_order(tflite: Export) -> None:
    (finding,) = tflite("plain", "fp32").findings("io-names", promise("tflite", "fp32", input_names=("picture",)))
    assert finding.message == "inputs are called image, promised picture in this order"
    assert tflite("plain", "fp32").findings("io-names", promise("tflite", "fp32")) == []


def test_io_layout(tflite: Export) -> None:
    (finding,) = tflite("plain", "fp32").findings("io-layout", promise("tflite", "fp32", layout="nchw"))
    assert finding.message == "input image: nchw promised, so [1, 3, 8, 8]; [1, 8, 8, 3] found"
    assert tflite("plain", "fp32").findings("io-layout", promise("tflite", "fp32")) == []


def test_granularity_both_ways(tflite: Export) -> None:
    fine = tflite("flattening", "int8", fully_connected="per_channel")
    coarse = tflite("flattening", "int8", granularity="per_tensor")
    (finding,) = fine.findings("granularity", promise("tflite", "int8", granularity="per_tensor"))
    assert finding.message == "per_tensor asked: 2 of 2 quantized weight tensors are per channel (fc, stem)"
    assert fine.findings("granularity", promise("tflite", "int8", granularity="per_channel")) == []
    fatal, note = coarse.findings("granularity", promise("tflite", "int8", granularity="per_channel"))
    assert (fatal.severity, fatal.layers) == ("fatal", ("stem",))
    assert (note.severity, note.layers) == ("note", ("fc",))
    assert coarse.findings("granularity", promise("tflite", "int8", granularity="per_tensor")) == []


def test_a_dynamic_depthwise_convolution_stays_per_channel_and_says_why(tflite: Export) -> None:
    file = tflite("plain", "int8-dynamic", granularity="per_tensor")
    (finding,) = file.findings("granularity", promise("tflite", "int8-dynamic", granularity="per_tensor"))
    assert (finding.severity, finding.layers) == ("note", ("depthwise.0",))
    assert finding.message.endswith("is per channel, because every runtime reads it so")


def test_granularity_of_fully_connected_counts_where_the_profile_says_so(tflite: Export) -> None:
    asked = promise("tflite", "int8", granularity="per_channel", options={"fully_connected": "per_channel"})
    (finding,) = tflite("plain", "int8").findings("granularity", asked)
    assert (finding.severity, finding.layers) == ("fatal", ("fc",))


def test_an_operation_newer_than_the_oldest_runtime(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    newer = source.with_bytes(with_version(source, "CONV_2D", 8))
    (finding,) = newer.findings("op-too-new", promise("tflite", "fp32"))
    assert finding.message == (
        "tflite-runtime 2.14.0 does not have CONV_2D version 8 in stem.0, CONV_2D version 8 in body.0; "
        "the file needs TensorFlow Lite 2.15.0"
    )
    assert newer.findings("op-too-new", promise("tflite", "fp32", oldest=LITERT)) == []


def test_an_operation_that_the_edge_tpu_compiler_cannot_read(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    newer = source.with_bytes(with_version(source, "CONV_2D", 6))
    (finding,) = newer.findings("op-too-new", promise("tflite", "fp32", runtime=EDGE_TPU, oldest=EDGE_TPU))
    assert finding.message.startswith("edgetpu-compiler 16 does not have CONV_2D version 6 in stem.0")
    assert newer.findings("op-too-new", promise("tflite", "fp32")) == []


def test_the_file_that_an_old_runtime_computes_wrongly(tflite: Export) -> None:
    file = tflite("plain", "int8-dynamic", fully_connected="per_channel")
    version, fault = file.findings("op-too-new", promise("tflite", "int8-dynamic"))
    assert version.message == (
        "tflite-runtime 2.14.0 does not have FULLY_CONNECTED version 12 in fc; the file needs TensorFlow Lite 2.17.0"
    )
    assert fault.message == (
        "tflite-runtime 2.14.0 returns wrong numbers without an error (2 to 24 dB): FULLY_CONNECTED in fc"
    )
    assert tflite("plain", "int8-dynamic").findings("op-too-new", promise("tflite", "int8-dynamic")) == []


def test_wrong_size_names_what_takes_the_room(tflite: Export) -> None:
    (finding,) = tflite("plain", "fp32").findings("wrong-size", promise("tflite", "int8"))
    assert finding.message == (
        "int8 asked: the weights take 21.5 KiB, 1.00 of float32; at most 0.33 expected "
        "(largest: body.0, stem.0, fc, depthwise.0)"
    )
    assert tflite("plain", "int8").findings("wrong-size", promise("tflite", "int8")) == []


def test_dynamic_shape_where_memory_is_planned_ahead(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    dynamic = source.with_bytes(with_first_dimension(source, -1))
    (finding,) = dynamic.findings("dynamic-shape", promise("tflite", "fp32", oldest=EDGE_TPU))
    assert finding.message == "edgetpu-compiler 16 needs static shapes, 1 tensor found without (image [-1, 8, 8, 3])"
    assert dynamic.findings("dynamic-shape", promise("tflite", "fp32")) == []
    assert source.findings("dynamic-shape", promise("tflite", "fp32", oldest=EDGE_TPU)) == []


def test_unsupported_op_and_all_that_runs_on_the_cpu_because_of_it(tflite: Export) -> None:
    on_edge_tpu = promise("tflite", "int8", runtime=EDGE_TPU, oldest=EDGE_TPU)
    (finding,) = tflite("shuffling", "int8").findings("unsupported-op", on_edge_tpu)
    assert finding.message == (
        "5 of 6 operations would run on the CPU, from the first that the Edge TPU does not take: "
        "HARD_SWISH in swish is not among the supported operations"
    )
    assert finding.layers == ("swish",)
    assert tflite("plain", "int8").findings("unsupported-op", on_edge_tpu) == []
    assert tflite("plain", "int8", io="float32").findings("unsupported-op", on_edge_tpu) == []
    assert tflite("shuffling", "int8").findings("unsupported-op", promise("tflite", "int8")) == []


def test_the_edge_tpu_has_integers_only_and_three_dimensions(tflite: Export) -> None:
    on_edge_tpu = promise("tflite", "fp32", runtime=EDGE_TPU, oldest=EDGE_TPU)
    (finding,) = tflite("plain", "fp32").findings("unsupported-op", on_edge_tpu)
    assert finding.message.startswith("5 of 5 operations would run on the CPU")
    assert finding.message.endswith("computes in float32, expected int8 or uint8")
    source = tflite("plain", "int8")
    (finding,) = source.with_bytes(with_first_dimension(source, 4)).findings("unsupported-op", on_edge_tpu)
    assert "CONV_2D in stem.0 has shape [4, 8, 8, 3]: only the innermost 3 dimensions" in finding.message
