"""Plans that end in a .pte for an Ethos-U: trained integers and ranges arrive, float layers run on the core."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from edgebuild.check.census.pte import read_pte_census
from edgebuild.check.parity import compare_outputs
from edgebuild.check.rules.undelegated_op import check as undelegated
from edgebuild.compress.quantize.post_training import Quantize
from edgebuild.compress.quantize.post_training import run as quantize
from edgebuild.config.registries import RUNTIMES, STAGES
from edgebuild.graph.stage import Stage, StageContext
from edgebuild.model.fakequant.ranges import ActivationRanges
from edgebuild.progress import Silent
from edgebuild.runtime import tosa_install, vela_install
from edgebuild.runtime.session import NotRunHereError
from tests.compress.files import File
from tests.compress.qat_workshop import Exported, export, float_outputs, make, rounded_outputs, train
from tests.compress.workshop import Workshop

pytestmark = pytest.mark.skipif(
    not (tosa_install.ENVIRONMENT.python.exists() and vela_install.ENVIRONMENT.python.exists())
    and not os.environ.get("CI"),
    reason=f"the tools of Ethos-U are not installed: {tosa_install.COMMAND}; {vela_install.COMMAND}",
)

FORM = "executorch-ethos-u"
AT_LEAST_DB = 40.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path]:
    shop = make(tmp_path_factory.mktemp("mobile"), "mobile")
    return shop, train(shop)


def held(exported: Exported) -> dict[str, bool]:
    return {str(proof.claim["claim"]): proof.holds for proof in exported.proof.claims}


def test_the_file_holds_and_computes_what_was_trained(trained: tuple[Workshop, Path]) -> None:
    found = export(*trained, FORM)
    assert found.parity.sqnr_db > AT_LEAST_DB
    assert [finding.message for finding in found.proof.fatal] == []
    numbers = [proof.evidence.split(" of ")[:2] for proof in found.proof.claims]
    assert all(there == total.split()[0] for there, total in numbers), found.proof.claims
    assert set(held(found)) == {"weights_dtype", "activations_dtype", "trained_weights", "activation_ranges"}


def test_a_file_that_was_calibrated_is_found_out(trained: tuple[Workshop, Path]) -> None:
    shop, folder = trained
    context = shop.context("calibrated", None, 1)
    quantize(context, Quantize())
    found = held(export(shop, context.output, FORM, claims=folder))
    assert [claim for claim, holds in found.items() if not holds] == ["trained_weights", "activation_ranges"]


def test_ranges_that_do_not_arrive_are_found_out(
    trained: tuple[Workshop, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, folder = trained
    monkeypatch.setattr(ActivationRanges, "of", lambda _ranges, _values: None)
    monkeypatch.setattr(shop, "root", shop.root / "deaf")
    shop.root.mkdir()
    for file in ("model.py", "data.py"):
        (shop.root / file).write_bytes((shop.root.parent / file).read_bytes())
    found = held(export(shop, folder, FORM))
    assert [claim for claim, holds in found.items() if not holds] == ["activation_ranges"]


@pytest.fixture(scope="module")
def skipping(trained: tuple[Workshop, Path]) -> tuple[Workshop, Path, File]:
    """Trained with a depthwise convolution and the last layer in floating point."""
    shop, _ = trained
    folder = train(shop, "skipped", skip=["1.depthwise"], skip_last=True)
    return shop, folder, File(shop, folder, FORM)


def test_layers_that_stay_float_run_on_the_core_and_are_named(skipping: tuple[Workshop, Path, File]) -> None:
    shop, folder, file = skipping
    assert {layer for layer, dtype in file.dtypes().items() if dtype == "float32"} == {"1.depthwise.0", "7"}
    (finding,) = [one for one in undelegated(file.census, file.promise, file.layers) if one.severity == "fatal"]
    assert "aten::convolution in 1.depthwise.0" in finding.message
    assert "aten::addmm in 7" in finding.message
    assert set(finding.layers) >= {"1.depthwise.0", "7"}
    assert {one.code for one in file.proof().fatal} == {"undelegated-op"}
    parity = compare_outputs(rounded_outputs(shop, folder), file.outputs, names=("pytorch", FORM), output="output")
    assert parity.sqnr_db > AT_LEAST_DB
    assert not np.array_equal(float_outputs(shop, folder), file.outputs)


def test_a_view_between_operations_of_the_core_is_found(tmp_path: Path) -> None:
    """ExecuTorch leaves it out and plans both tensors in one place: here before the first layer."""
    shop = make(tmp_path, "signal")
    folder = train(shop, "skipped", skip_first=True, skip_last=True)
    file = File(shop, folder, FORM)
    parity = compare_outputs(rounded_outputs(shop, folder), file.outputs, names=("pytorch", FORM), output="output")
    assert parity.sqnr_db > AT_LEAST_DB
    (first,) = [one for one in file.census.operations if one.name == "aten::convolution"]
    (given,) = [tensor for tensor in file.census.tensors if tensor.role == "input"]
    assert given.index in first.inputs
    assert {one.code for one in file.proof().fatal} == {"undelegated-op"}


@pytest.fixture
def unknown(skipping: tuple[Workshop, Path, File], tmp_path: Path) -> Path:
    """The folder of a file with a kernel that nobody has."""
    shop, folder, _ = skipping
    made = tmp_path / "unknown"
    made.mkdir()
    for path in (shop.root / f"{folder.name}-{FORM}").iterdir():
        (made / path.name).write_bytes(path.read_bytes().replace(b"aten::addmm", b"aten::addmn"))
    return made


def test_a_kernel_that_nobody_here_has_is_told_when_the_file_is_opened(unknown: Path) -> None:
    with pytest.raises(NotRunHereError, match=r"model\.pte has the kernel aten::addmn, which nothing on this host"):
        RUNTIMES.get("tosa-reference").open(unknown / "model.pte", 1)
    assert "aten::addmn" in {operation.name for operation in read_pte_census(unknown / "model.pte").operations}


def test_a_build_checks_such_a_file_and_says_that_it_did_not_run(
    skipping: tuple[Workshop, Path, File], unknown: Path, tmp_path: Path
) -> None:
    shop, folder, file = skipping
    params = {
        "promise": file.promise.to_json(),
        "allow": ["undelegated-op", "not-run-here"],
        "metric": shop.project["metric"],
        "runtime": "tosa-reference",
        "threads": 1,
    }
    inputs = {"export": unknown, "model": folder, "data": shop.data}
    (tmp_path / "output").mkdir()
    context = StageContext(Stage("t/verify", "verify", params), inputs, tmp_path / "output", shop.root, Silent())
    STAGES.get("verify").run(context)
    facts = json.loads((tmp_path / "output" / "verify.json").read_text())
    severities = {finding["code"]: finding["severity"] for finding in facts["findings"]}
    assert severities["not-run-here"] == "allowed"
    assert {figure["name"] for figure in facts["figures"]} == {"file_size", "weight_bytes", "arena"}
