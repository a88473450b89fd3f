"""Ethos-U through ExecuTorch: the file, what runs where, the reference model, and the proof that both are the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.check.accelerators.ethos_u.program import DIFFERS, ProgramReport
from edgebuild.check.census.pte import read_pte_census
from edgebuild.check.census.tosa_steps import steps_of
from edgebuild.check.graph_twin import graph_findings
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.rules.undelegated_op import check as undelegated
from edgebuild.config.registries import ACCELERATORS, FORMATS, RUNTIMES
from edgebuild.errors import ConfigError
from edgebuild.export.feed import raw_outputs
from edgebuild.export.format import ExportRecord, ExportRequest, read_export
from edgebuild.runtime import tosa_install, vela_install
from edgebuild.runtime.executorch_file import read_pte
from edgebuild.runtime.tosa_file import read_tosa
from tests.executorch.workshop import Exported, samples_of

pytestmark = pytest.mark.skipif(
    not (tosa_install.ENVIRONMENT.python.exists() and vela_install.ENVIRONMENT.python.exists())
    and not os.environ.get("CI"),
    reason=f"the tools of Ethos-U are not installed: {tosa_install.COMMAND}; {vela_install.COMMAND}",
)

HARDWARE = {"accelerator": "ethos-u55-128"}
Request = Callable[..., ExportRequest]


def exported(request_for: Request, io: str = "int8", layout: str = "nchw") -> tuple[ExportRequest, ExportRecord]:
    request = replace(request_for("residual", "int8", layout, io), hardware=HARDWARE)
    FORMATS.get("executorch-ethos-u").run(request)
    return request, read_export(request.output)


@pytest.fixture(scope="module")
def made(request_for: Request) -> tuple[ExportRequest, ExportRecord]:
    """A network for an Ethos-U55-128 with int8 borders, exported once."""
    return exported(request_for)


def judge(file: Path) -> ProgramReport:
    report = ACCELERATORS.get("ethos-u55-128").judge(JudgeRequest(file, HARDWARE))
    assert isinstance(report, ProgramReport)
    return report


def test_everything_runs_on_the_accelerator_and_is_named_after_the_users_layers(
    made: tuple[ExportRequest, ExportRecord],
) -> None:
    request, record = made
    census = read_pte_census(request.output / record.file)
    assert {operation.delegate for operation in census.operations} == {"EthosUBackend"}
    weights = {weight.layer: (weight.dtype, weight.shape) for weight in census.weights}
    assert weights == {
        "stem.0": ("int8", (16, 3, 3, 3)),
        "deep": ("int8", (1, 3, 3, 16)),
        "wide.0": ("int8", (24, 3, 3, 16)),
        "head": ("int8", (5, 1, 1, 24)),
    }
    assert {"stem.0", "deep", "down", "wide.0", "pool", "head"} <= set(record.layers)
    assert [(item.dtype, item.scale is not None) for item in (*census.inputs, *census.outputs)] == [("int8", True)] * 2


def test_vela_makes_the_same_bytes_again_and_says_what_they_cost(made: tuple[ExportRequest, ExportRecord]) -> None:
    request, record = made
    report = judge(request.output / record.file)
    assert (report.findings, report.on_core) == ((), ())
    figures = {figure.name: figure for figure in report.figures}
    assert {figure.kind for figure in figures.values()} == {"estimated"}
    assert figures["cycles"].value == sum(result.cycles for result in report.results) > 0
    assert sum(layer.macs for layer in report.layers) > 64 * 9 * (3 * 16 + 16)


def test_a_graph_that_is_not_the_delegates_is_found_out(
    made: tuple[ExportRequest, ExportRecord], tmp_path: Path
) -> None:
    """What the reference model ran is no proof of the file unless the file's delegate comes from it."""
    request, record = made
    shutil.copytree(request.output, tmp_path / "other")
    graph = tmp_path / "other" / "delegate_0.tosa"
    data = bytearray(graph.read_bytes())
    weights = read_tosa(graph).tensors["aten_convolution_default_2_weight_ohwi"].data
    place = bytes(data).index(weights)
    data[place : place + 64] = bytes(64)
    graph.write_bytes(data)
    (finding,) = judge(tmp_path / "other" / record.file).findings
    assert (finding.code, finding.severity) == (DIFFERS, "fatal")
    graph.unlink()
    with pytest.raises(ConfigError, match=r"the TOSA graph of its delegate 0 is missing"):
        judge(tmp_path / "other" / record.file)


def test_the_reference_model_computes_what_pytorchs_quantized_graph_does(
    made: tuple[ExportRequest, ExportRecord],
) -> None:
    request, record = made
    samples = samples_of(3)
    session = RUNTIMES.get("tosa-reference").open(request.output / record.file, 1)
    stored = raw_outputs(session, record, {"image": samples})
    session.close()
    assert stored["scores"].dtype == np.int8
    graph = RUNTIMES.get("pytorch-graph").open(request.output / record.file, 1)
    real = np.concatenate([graph.run({"image": samples[i : i + 1]})["scores"] for i in range(len(samples))])
    graph.close()
    (figure,), (finding,) = graph_findings(record, stored, {"scores": real}, ("graph", "reference"))
    assert figure.value is not None
    assert figure.value > 75
    assert (finding.code, finding.severity) == ("graph-runs", "note")
    _, wrong = graph_findings(record, {"scores": stored["scores"][::-1]}, {"scores": real}, ("graph", "reference"))
    assert [found.severity for found in wrong] == ["fatal"]


def test_float_borders_leave_two_conversions_to_the_core(request_for: Request) -> None:
    request, record = exported(request_for, io="float32", layout="nhwc")
    file = request.output / record.file
    census = read_pte_census(file)
    portable = [operation.name for operation in census.operations if operation.delegate is None]
    assert sorted(name.rpartition("::")[2] for name in portable) == ["dequantize_per_tensor", "quantize_per_tensor"]
    runtime = RuntimeVersion("tosa-reference")
    promise = Promise("t", "executorch-ethos-u", "int8", "float32", "nhwc", runtime, runtime)
    assert [finding.severity for finding in undelegated(census, promise, record.layers)] == ["note"]
    session = RUNTIMES.get("tosa-reference").open(file, 1)
    found = raw_outputs(session, record, {"image": samples_of(3)})["scores"]
    session.close()
    assert found.dtype == np.float32
    assert judge(file).findings == ()


def test_the_same_model_gives_the_same_bytes(request_for: Request, made: tuple[ExportRequest, ExportRecord]) -> None:
    again, _ = exported(request_for)
    for name in ("model.pte", "delegate_0.tosa"):
        assert (again.output / name).read_bytes() == (made[0].output / name).read_bytes()
    text = (again.output / "delegate_0.tosa").read_bytes()
    assert b"site-packages" not in text


def test_what_the_file_says_of_itself(made: tuple[ExportRequest, ExportRecord]) -> None:
    request, record = made
    told = read_pte(request.output / record.file).metadata()
    assert told["inputs"][0]["scale"] == record.inputs[0].scale
    assert (told["inputs"][0]["dtype"], told["outputs"][0]["dtype"]) == ("int8", "int8")


def test_a_target_without_an_ethos_u_is_refused(request_for: Request) -> None:
    with pytest.raises(ConfigError, match=r"needs hardware\.accelerator: one of ethos-u55-128, .*; found None"):
        FORMATS.get("executorch-ethos-u").run(request_for("residual", "int8", "nchw", "int8"))


def test_steps_that_no_rescale_agrees_with_are_no_steps_of_the_file(made: tuple[ExportRequest, ExportRecord]) -> None:
    """TOSA has no scales: those that the lowering noted count only as far as the numbers in the file bear them out."""
    request, _ = made
    graph = read_tosa(request.output / "delegate_0.tosa")
    convolution = next(operator for operator in graph.operators if operator.name == "CONV2D")
    weight = convolution.inputs[1]
    steps = steps_of(graph)
    assert len(steps[weight].scales) == 16
    rescale = next(operator for operator in graph.operators if operator.inputs[:1] == convolution.outputs)
    assert len(steps[rescale.outputs[0]].scales) == 1
    multipliers = graph.tensors[rescale.inputs[1]]
    other = np.frombuffer(multipliers.data, np.int32).copy()
    other[3] += other[3] // 100
    tensors = {**graph.tensors, multipliers.name: replace(multipliers, data=other.tobytes())}
    left = steps_of(replace(graph, tensors=tensors))
    assert set(steps) - set(left) >= {weight, convolution.outputs[0]}


def test_a_file_for_other_delegates_is_refused_by_their_name(export: Callable[..., Exported]) -> None:
    with pytest.raises(ConfigError, match=r"model\.pte has 1 delegate of XnnpackBackend, which a .*ethos-u55-128 does"):
        judge(export("residual", "fp32").file)
