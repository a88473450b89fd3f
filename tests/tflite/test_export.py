"""Every dtype, I/O type and layout gives a file that computes what PyTorch computes, under both runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.check.census.tflite import read_census, take_census
from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.errors import ConfigError, ToolError
from edgebuild.export.feed import predict, raw_outputs
from edgebuild.export.format import ExportRecord
from edgebuild.export.tflite.convert import convert
from edgebuild.model.data_folder import InputSpec
from tests.tflite.nets import Workbench, sqnr

FLOOR = {"fp32": 110, "fp16": 60, "int8": 28, "int8-dynamic": 30, "int8-weight-only": 35, "int16x8": 35}
FLOOR |= {"int4-dynamic": 13, "int4-weight-only": 13}
"""SQNR in dB: 4 bits have a sixteenth of the steps of 8, which is 24 dB."""
MATRIX = [(dtype, io) for dtype, ios in FORMATS.get("tflite").dtypes.items() for io in ios]
EIGHT_BITS = [(dtype, io) for dtype, io in MATRIX if not dtype.startswith("int4")]
"""What tflite-runtime 2.14 runs; of 4 bits it does not load one dtype and computes the other wrongly."""
INSTALLED = [name for name in ("litert", "tflite-runtime") if RUNTIMES.get(name).version()]
LEGACY = pytest.mark.skipif(
    RUNTIMES.get("tflite-runtime").version() is None, reason=RUNTIMES.get("tflite-runtime").remedy
)


def outputs_of(runtime: str, file: Path, record: ExportRecord, bench: Workbench) -> dict[str, np.ndarray]:
    session = RUNTIMES.get(runtime).open(file, 1)
    try:
        return predict(session, record, bench.arrays)
    finally:
        session.close()


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize(("dtype", "io"), MATRIX)
def test_every_dtype_computes_what_the_model_computes(two_outputs: Workbench, dtype: str, io: str, layout: str) -> None:
    file, record = two_outputs.quantized(f"{dtype}-{io}-{layout}", dtype, io, layout)
    found, truth = outputs_of("litert", file, record, two_outputs), two_outputs.truth()
    assert list(found) == ["scores", "features"]
    assert {name: found[name].shape for name in found} == {name: truth[name].shape for name in truth}
    assert min(sqnr(truth[name], found[name]) for name in truth) > FLOOR[dtype]
    assert [spec.dtype for spec in record.inputs + record.outputs] == [io] * 3
    image = (1, 16, 16, 3) if layout == "nhwc" else (1, 3, 16, 16)
    assert (record.inputs[0].name, record.inputs[0].shape, record.inputs[0].layout) == ("image", image, layout)
    assert all((spec.scale is None) == (io == "float32") for spec in record.inputs + record.outputs)


@pytest.mark.parametrize(("dtype", "io"), MATRIX)
def test_a_layer_that_is_always_silent_does_not_matter(silent: Workbench, dtype: str, io: str) -> None:
    file, record = silent.quantized(f"{dtype}-{io}", dtype, io, "nchw")
    found, truth = outputs_of("litert", file, record, silent)["scores"], silent.truth()["scores"]
    share = 0.15 if dtype.startswith("int4") else 0.02
    assert np.abs(found - truth).max() <= share * np.abs(truth).max()
    assert all(scale > 0 for tensor in read_census(file).tensors for scale in tensor.scale)


@LEGACY
@pytest.mark.parametrize(("dtype", "io"), EIGHT_BITS)
def test_the_oldest_runtime_computes_the_same(classifier: Workbench, dtype: str, io: str) -> None:
    file, record = classifier.quantized(f"{dtype}-{io}", dtype, io, "nhwc")
    new = outputs_of("litert", file, record, classifier)["scores"]
    old = outputs_of("tflite-runtime", file, record, classifier)["scores"]
    assert sqnr(new, old) > FLOOR[dtype]


@LEGACY
def test_the_oldest_runtime_refuses_what_it_would_compute_wrongly(classifier: Workbench) -> None:
    file, record = classifier.quantized("trap", "int8-dynamic", "float32", "nhwc", fully_connected="per_channel")
    assert sqnr(classifier.truth()["scores"], outputs_of("litert", file, record, classifier)["scores"]) > 30
    with pytest.raises(ToolError, match="Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'"):
        RUNTIMES.get("tflite-runtime").open(file, 1)


@pytest.mark.parametrize(
    ("dtype", "io"),
    [("int8", "int8"), ("int16x8", "int16"), ("int8-dynamic", "float32"), ("int8-weight-only", "float32")],
)
def test_per_tensor_means_every_weight(two_outputs: Workbench, dtype: str, io: str) -> None:
    two_outputs.plan({"kind": "static", "activations": "int8", "granularity": "per_tensor"})
    try:
        file, record = two_outputs.quantized(f"per-tensor-{dtype}", dtype, io, "nhwc")
    finally:
        two_outputs.plan(None)
    census = read_census(file)
    no_kernel_for = {"left.0.depth_wise", "right.0.depth_wise"} if dtype == "int8-dynamic" else set()
    assert len(census.weights) == 6
    assert {weight.layer for weight in census.weights if len(weight.scale) > 1} == no_kernel_for
    for runtime in INSTALLED:
        found = outputs_of(runtime, file, record, two_outputs)
        assert min(sqnr(truth, found[name]) for name, truth in two_outputs.truth().items()) > 25


def test_per_channel_leaves_fully_connected_to_its_option(classifier: Workbench) -> None:
    scales = {}
    for choice in ("per_tensor", "per_channel"):
        file, _ = classifier.quantized(f"fc-{choice}", "int8", "int8", "nhwc", fully_connected=choice)
        scales[choice] = {weight.layer: len(weight.scale) for weight in read_census(file).weights}
    assert (scales["per_tensor"]["fc"], scales["per_channel"]["fc"]) == (1, 10)
    assert {count for layer, count in scales["per_tensor"].items() if layer != "fc"} == {16}


def test_two_exports_are_the_same_bytes(classifier: Workbench) -> None:
    first, second = (classifier.export(name, "int8", "uint8", "nhwc")[0].read_bytes() for name in ("one", "two"))
    assert first == second


def test_uint8_and_int8_files_agree_to_the_bit(classifier: Workbench) -> None:
    raw = {}
    for io in ("int8", "uint8"):
        file, record = classifier.quantized(f"bits-{io}", "int8", io, "nhwc")
        session = RUNTIMES.get("litert").open(file, 1)
        raw[io] = raw_outputs(session, record, classifier.arrays)["scores"].astype(int)
        session.close()
    assert np.array_equal(raw["uint8"], raw["int8"] + 128)


def test_a_batch_norm_behind_a_1d_convolution_is_folded(signal: Workbench) -> None:
    file, record = signal.export("folded", "int8", "int8", "nchw")
    names = [operation.name for operation in read_census(file).operations]
    assert not {"MUL", "ADD", "SUB"} & set(names)
    assert record.layers == ("body.0", "head")
    truth = signal.truth()["scores"]
    assert sqnr(truth, outputs_of("litert", file, record, signal)["scores"]) > FLOOR["int8"]


def test_a_program_exported_before_keeps_its_layers(signal: Workbench) -> None:
    import torch

    program = torch.export.export(signal.module, (torch.from_numpy(signal.arrays["signal"][:1]),))
    source = convert(program.module(), signal.inputs, ("scores",), "nchw", signal.root)
    census = take_census(source.data, "program", source.layers)
    assert source.layers == ("body.0", "head")
    assert {weight.layer for weight in census.weights} == {"body.0", "head"}


def test_what_tflite_has_not_is_named(tmp_path: Path) -> None:
    import torch

    odd = torch.nn.Sequential(torch.nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1)).eval()
    with pytest.raises(ConfigError, match=r"no TFLite operation for layer '0' \(ConvTranspose2d\)"):
        convert(odd, [InputSpec("x", (4, 8, 8), "float32")], ("y",), "nhwc", tmp_path)


def test_static_without_calibration_says_what_to_add(classifier: Workbench, tmp_path: Path) -> None:
    samples = classifier.model / "calibration.image.npy"
    samples.rename(tmp_path / "away.npy")
    try:
        with pytest.raises(ConfigError, match="no step of the plan chose any") as caught:
            classifier.quantized("uncalibrated", "int8", "int8", "nhwc")
    finally:
        (tmp_path / "away.npy").rename(samples)
    assert caught.value.remedy == "add `- quantize: {kind: static}` to the plan"


def test_a_failing_calibrator_names_model_and_step(classifier: Workbench, tmp_path: Path) -> None:
    samples = classifier.model / "calibration.image.npy"
    good = np.load(samples)
    np.save(samples, good[:, :, :8, :8])
    try:
        with pytest.raises(ToolError, match=r"quantizing nets_source:residual to int8: the calibrator .* sample 0"):
            classifier.quantized("misfit", "int8", "int8", "nhwc")
    finally:
        np.save(samples, good)


def test_outputs_without_names_are_refused(tmp_path: Path) -> None:
    image = InputSpec("image", (3, 16, 16), "float32")
    bench = Workbench(tmp_path, "residual", {"scores_only": False}, (image,))
    bench.outputs = ("scores",)
    bench.plan(None)
    with pytest.raises(ConfigError, match=r"returns 2 outputs, but model\.outputs names 1: scores"):
        bench.export("unnamed", "fp32", "float32", "nhwc")
