"""Vulkan and Core ML: files that are made and read here, and run nowhere here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.compare import CODE
from edgebuild.bench.board.measure import BoardSettings
from edgebuild.bench.board.reference import NOT_COMPARED, compare, reference_of
from edgebuild.bench.board.standalone import bench_file
from edgebuild.check.census.pte import read_pte_census
from edgebuild.check.delegate_weights import weight_findings
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.rules.undelegated_op import check as undelegated
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.errors import ConfigError, ToolError
from edgebuild.export.executorch.phones import without_chance
from edgebuild.export.format import ExportRecord, ExportRequest, read_export
from edgebuild.runtime.coreml_payload import read_files, read_operations
from edgebuild.runtime.coreml_program import read_program
from edgebuild.runtime.executorch_file import read_pte
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError
from edgebuild.runtime.graph_weights import graph_weights
from edgebuild.runtime.vulkan_payload import read_vulkan
from tests.executorch.workshop import decibel, samples_of

Request = Callable[..., ExportRequest]
BACKENDS = {"executorch-vulkan": ("fp32", "VulkanBackend"), "executorch-coreml": ("fp16", "CoreMLBackend")}


@pytest.fixture(scope="module")
def made(request_for: Request) -> dict[str, tuple[ExportRequest, ExportRecord]]:
    """The same network for both, exported once."""
    found = {}
    for name, (dtype, _) in BACKENDS.items():
        request = request_for("residual", dtype, "nchw", "float32")
        FORMATS.get(name).run(request)
        found[name] = (request, read_export(request.output))
    return found


@pytest.mark.parametrize("name", BACKENDS)
def test_every_operation_is_in_the_delegate_and_named(
    made: dict[str, tuple[ExportRequest, ExportRecord]], name: str
) -> None:
    request, record = made[name]
    census = read_pte_census(request.output / record.file)
    assert {operation.delegate for operation in census.operations} == {BACKENDS[name][1]}
    names = " ".join(operation.name for operation in census.operations)
    assert all(word in names for word in ("conv", "linear", "max_pool", "add", "mean"))
    runtime = RuntimeVersion("executorch", "1.5.1")
    promise = Promise("t", name, record.dtype, "float32", "nchw", runtime, runtime)
    assert undelegated(census, promise, record.layers) == []


def test_vulkan_says_what_its_weights_are(made: dict[str, tuple[ExportRequest, ExportRecord]]) -> None:
    request, record = made["executorch-vulkan"]
    weights = read_pte_census(request.output / record.file).weights
    shapes = {weight.layer: weight.shape for weight in weights}
    assert shapes == {"stem.0": (16, 3, 3, 3), "deep": (16, 3, 3, 1), "wide.0": (24, 3, 3, 16), "head": (5, 24)}
    assert {(weight.dtype, weight.bytes > 0) for weight in weights} == {("float32", True)}


def test_core_ml_says_what_its_weights_are(made: dict[str, tuple[ExportRequest, ExportRecord]]) -> None:
    request, record = made["executorch-coreml"]
    weights = read_pte_census(request.output / record.file).weights
    shapes = {weight.layer: weight.shape for weight in weights}
    assert shapes == {"stem.0": (16, 3, 3, 3), "deep": (16, 3, 3, 1), "wide.0": (24, 3, 3, 16), "head": (5, 24)}
    assert {(weight.dtype, weight.bytes) for weight in weights if weight.layer == "deep"} == {("float16", 2 * 16 * 9)}


@pytest.mark.parametrize("name", BACKENDS)
def test_the_delegate_holds_the_weights_of_the_graph_that_pytorch_ran(
    made: dict[str, tuple[ExportRequest, ExportRecord]], name: str, tmp_path: Path
) -> None:
    """Without that, what PyTorch computed in the delegate's place would say nothing of the file."""
    request, record = made[name]
    file, graph = request.output / record.file, request.output / "graph.pt2"
    (note,) = weight_findings(file, graph)
    dtype = "float32" if BACKENDS[name][0] == "fp32" else "float16"
    assert note.message == f"the delegates hold the 8 weights and biases of the graph that PyTorch ran, as {dtype}"
    (head,) = [weight for weight in graph_weights(graph) if weight.layer == "head"]
    stored, data = head.weight.astype(dtype).tobytes(), bytearray(file.read_bytes())
    place = data.index(stored)
    data[place : place + len(stored)] = (1.01 * head.weight).astype(dtype).tobytes()
    (tmp_path / "model.pte").write_bytes(data)
    (finding,) = weight_findings(tmp_path / "model.pte", graph)
    assert (finding.code, finding.severity, finding.layers) == ("delegate-differs", "fatal", ("head",))


def test_core_ml_says_which_layer_an_operation_is_from(made: dict[str, tuple[ExportRequest, ExportRecord]]) -> None:
    request, record = made["executorch-coreml"]
    operations = read_pte_census(request.output / record.file).operations
    # A convolution that a batch norm is folded into is the batch norm's: its output is what comes out.
    assert {operation.layer for operation in operations if operation.name == "conv"} == {"stem.1", "deep", "wide.1"}
    assert next(operation.layer for operation in operations if operation.name == "linear") == "head"


@pytest.mark.parametrize("name", BACKENDS)
def test_pytorch_runs_the_graph_that_was_handed_over(
    made: dict[str, tuple[ExportRequest, ExportRecord]], name: str, request_for: Request
) -> None:
    from edgebuild.model.load import rebuild

    request, record = made[name]
    session = RUNTIMES.get("pytorch-graph").open(request.output / record.file, 1)
    samples = samples_of(3)
    found = np.concatenate([session.run({"image": samples[i : i + 1]})["scores"] for i in range(len(samples))])
    session.close()
    import torch

    with torch.no_grad():
        truth = rebuild(request.model, request.project_root)(torch.from_numpy(samples)).numpy()
    assert decibel(truth, found) > 100
    with pytest.raises(ToolError, match="says nothing about theirs"):
        RUNTIMES.get("pytorch-graph").time(request.output / record.file, {}, 1, 1, ())


def test_the_same_model_gives_the_same_bytes(
    made: dict[str, tuple[ExportRequest, ExportRecord]], request_for: Request
) -> None:
    """Core ML's tools name models and files by chance; two models must not share a name, or a phone mixes them up."""
    request, record = made["executorch-coreml"]
    data = (request.output / record.file).read_bytes()
    again = request_for("residual", "fp16", "nchw", "float32")
    FORMATS.get("executorch-coreml").run(again)
    assert (again.output / record.file).read_bytes() == data


def test_two_models_have_two_names(made: dict[str, tuple[ExportRequest, ExportRecord]]) -> None:
    request, record = made["executorch-coreml"]
    data = (request.output / record.file).read_bytes()
    assert without_chance(data) == data
    other = without_chance(data[:-1] + bytes([data[-1] ^ 1]))
    place = data.index(b"executorch_", data.index(b'"identifier"'))
    assert other[place : place + 47] != data[place : place + 47]


def test_a_damaged_payload_is_refused(made: dict[str, tuple[ExportRequest, ExportRecord]]) -> None:
    request, record = made["executorch-coreml"]
    file = read_pte(request.output / record.file)
    payload = file.payload(file.forward()["delegates"][0])
    assert "model.mlmodel" in read_files(payload)
    with pytest.raises(MalformedBufferError, match="without a list of its files"):
        read_operations(payload[:-40])
    model = read_files(payload)["model.mlmodel"]
    with pytest.raises(MalformedBufferError, match="a protobuf message"):
        read_program(payload.replace(model, model[:900] + bytes(len(model) - 900)))
    weights = read_files(payload)["weight.bin"]
    with pytest.raises(MalformedBufferError, match=r"weight\.bin has no tensor at byte 64"):
        read_program(payload.replace(weights, bytes(len(weights))))
    with pytest.raises(MalformedBufferError, match="a Vulkan payload begins with"):
        read_vulkan(payload)
    with pytest.raises(MalformedBufferError, match="has no header"):
        read_vulkan(b"VH00")


def test_a_session_without_its_graph_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"cannot be loaded from graph\.pt2"):
        RUNTIMES.get("pytorch-graph").open(tmp_path / "model.pte", 1)


def test_an_unknown_operation_is_named(request_for: Request) -> None:
    with pytest.raises(ConfigError, match="erfcx"):
        FORMATS.get("executorch-vulkan").run(request_for("unknown_operation", "fp32", "nchw", "float32"))


@pytest.mark.parametrize(
    ("name", "device", "said"),
    [
        ("executorch-vulkan", "host", "its delegates run on Vulkan, and this host has no Vulkan"),
        ("executorch-vulkan", "raspberry-pi-4", r"and device 'raspberry-pi-4' \(ssh\) has no Vulkan"),
        ("executorch-vulkan", "raspberry-pi-4-emulated", r"and device 'raspberry-pi-4-emulated' \(qemu-user\) has no"),
        ("executorch-coreml", "android-arm64", "its delegates run on Core ML, and device 'android-arm64'"),
    ],
)
def test_a_device_that_cannot_have_it_is_refused_before_anything_runs(
    made: dict[str, tuple[ExportRequest, ExportRecord]], name: str, device: str, said: str
) -> None:
    request, record = made[name]
    with pytest.raises(ConfigError, match=said) as raised:
        bench_file(request.output / record.file, load_device(device, Path()), [], BoardSettings())
    wanted = "transport: adb" if name == "executorch-vulkan" else "a device of Apple's"
    assert wanted in (raised.value.remedy or "")


def test_the_runtime_of_this_host_does_not_send_one_away_to_export_again(
    made: dict[str, tuple[ExportRequest, ExportRecord]],
) -> None:
    request, record = made["executorch-vulkan"]
    with pytest.raises(ConfigError, match="VulkanBackend is not registered") as raised:
        RUNTIMES.get("executorch").open(request.output / record.file, 1)
    assert (
        raised.value.remedy == "this runtime has XnnpackBackend only; run the file on a device that has VulkanBackend"
    )


def test_a_phones_outputs_are_held_against_the_graph_and_without_it_against_nothing(
    made: dict[str, tuple[ExportRequest, ExportRecord]], tmp_path: Path
) -> None:
    request, record = made["executorch-vulkan"]
    file = request.output / record.file
    samples = {"image": samples_of(3)[:, None]}
    reference = reference_of(file, "executorch", samples)
    assert (reference.runtime, reference.why_not) == ("pytorch-graph", "")
    told = {"architecture": "aarch64"}
    close = {"scores": reference.outputs["scores"] * np.float32(1.0001)}
    figures, (finding,) = compare(reference, "phone", told, close)
    assert (finding.code, finding.severity, len(figures)) == ("device-runs", "note", 1)
    _, (finding,) = compare(reference, "phone", told, {"scores": reference.outputs["scores"][::-1]})
    assert (finding.code, finding.severity) == (CODE, "fatal")
    alone = tmp_path / file.name
    shutil.copyfile(file, alone)
    figures, (finding,) = compare(reference_of(alone, "executorch", samples), "phone", told, close)
    assert (finding.code, finding.severity, figures) == (NOT_COMPARED, "note", [])
    assert finding.message == "model.pte runs on Vulkan only, and its graph (graph.pt2) is not beside it"
