"""Factorized models in both formats: the factors are in the file, the layers are not, and a whole file is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgebuild.check.census.model import Census
from edgebuild.check.kinds import is_transpose
from edgebuild.check.macs import weight_macs
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.verify import VerifyResult, verify
from edgebuild.check.wiring import Wiring
from edgebuild.compress.factorize import procedure
from edgebuild.config.registries import CENSUSES, FORMATS
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.graph.assemble import SCORE
from edgebuild.model.edits import EDITS
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress import factor_zoo
from tests.compress.building import Building
from tests.compress.workshop import Workshop

TARGETS = ("raspberry-pi-4-factorized", "android-arm64-factorized")
LAYOUTS = {"tflite": "nhwc", "executorch": "nchw"}
RUNTIMES = {"tflite": RuntimeVersion("litert", "2.3.0"), "executorch": RuntimeVersion("executorch", "1.5.1")}


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("factorized.yaml", wanted=("verify",))


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_is_proved_to_be_factorized(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= {"factors", "macs"}
    assert all(proof["holds"] for proof in facts["claims"])
    assert [finding for finding in facts["findings"] if finding["severity"] == "fatal"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_computes_as_much_as_the_model_in_the_ledger(built: Building, target: str) -> None:
    census, ids = built.census(built.stages[target].export), built.stages[target]
    wiring = Wiring(census)
    macs = sum(weight_macs(weight, wiring) for weight in census.weights if len(weight.shape) > 1)
    assert macs == built.figure(ids.scores[0], "macs") <= 0.6 * built.figure(SCORE, "macs")


def test_both_targets_share_one_model_within_a_point_of_the_whole_one(built: Building) -> None:
    first, second = (built.folder(built.stages[target].steps[0]) for target in TARGETS)
    assert first == second
    assert built.figure(built.stages[TARGETS[0]].scores[0], "accuracy") > built.figure(SCORE, "accuracy") - 1.0


def exported(shop: Workshop, model: Path, kind: str) -> tuple[Census, VerifyResult]:
    """The model in a file of this format, held against what its folder claims."""
    output = shop.root / f"{model.name}.{kind}"
    output.mkdir()
    FORMATS.get(kind).run(
        ExportRequest(
            model=model,
            data=shop.data,
            output=output,
            project_root=shop.root,
            dtype="fp32",
            io="float32",
            layout=LAYOUTS[kind],
            options={},
            seed=1,
            progress=Silent(),
        )
    )
    record = read_export(output)
    census: Census = CENSUSES.get(record.file.rpartition(".")[2]).read(output / record.file)
    promise = Promise("here", kind, "fp32", "float32", LAYOUTS[kind], RUNTIMES[kind], RUNTIMES[kind])
    return census, verify(census, promise, read_record(model).claims, record.layers)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A network with one layer for each method, pruned, factorized in four steps, and pruned again."""
    made = Workshop(tmp_path_factory.mktemp("methods"), zoo=Path(factor_zoo.__file__))
    half = {"energy": 0.5}
    options = {"ratio": 0.2, "round_to": 2, "importance": "l1"}
    first = made.prune("first", **options)
    one = made.factorize("one", model=first, kind="cp", rank=half, skip=["body.[123]", "head"])
    two = made.factorize("two", model=one, kind="spatial_svd", rank=half, skip=["body.[023]", "head"])
    three = made.factorize("three", model=two, kind="tucker2", rank={"ratio": 0.4}, skip=["body.[01]"])
    four = made.factorize("four", model=three, kind="svd", rank=half)
    made.prune("last", model=four, **options)
    return made


@pytest.mark.parametrize("kind", ["tflite", "executorch"])
def test_every_method_runs_whole_in_both_runtimes_and_shows_pruning_too(shop: Workshop, kind: str) -> None:
    record = read_record(shop.root / "last")
    methods = [claim["method"] for claim in record.claims if claim["claim"] == "factors"]
    assert methods == ["cp", "spatial_svd", "tucker2", "svd", "svd"]
    kinds = {(claim["step"], claim["claim"]) for claim in record.claims}
    assert {("prune", "channels"), ("prune", "macs"), ("factorize", "factors"), ("factorize", "macs")} <= kinds
    census, result = exported(shop, shop.root / "last", kind)
    assert [proof.evidence for proof in result.claims if not proof.holds] == []
    assert result.fatal == ()
    if kind == "tflite":
        assert not any(is_transpose(operation) for operation in census.operations)
    else:
        assert all(operation.delegate is not None for operation in census.operations)


@pytest.mark.parametrize("kind", ["tflite", "executorch"])
def test_layers_inside_torchs_own_encoder_are_proved_too(tmp_path: Path, kind: str) -> None:
    # Trained a little: its two layers begin as copies, and a file holds equal weights once.
    shop = Workshop(tmp_path, "torch_encoder", epochs=1, zoo=Path(factor_zoo.__file__))
    _, result = exported(shop, shop.factorize(rank={"energy": 0.5}, skip=["embed", "head"]), kind)
    # Of each encoder layer the two of its feed-forward part and the four projections of its attention.
    assert [proof.claim["claim"] for proof in result.claims] == [*["factors"] * 12, "macs"]
    assert all(proof.holds for proof in result.claims)


@pytest.fixture
def doing_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The step with its inside skipped: edits are written down, but no layer is replaced, here or later."""
    EDITS.names()
    monkeypatch.setitem(EDITS._entries, "factorize", lambda _model, _edit: None)
    monkeypatch.setattr(procedure, "_set_weights", lambda *_: None)
    return


@pytest.mark.parametrize("kind", ["tflite", "executorch"])
@pytest.mark.usefixtures("doing_nothing")
def test_a_step_that_did_nothing_is_found_out(tmp_path: Path, kind: str) -> None:
    shop = Workshop(tmp_path, zoo=Path(factor_zoo.__file__))
    idle = shop.factorize(rank={"energy": 0.5})
    _, result = exported(shop, idle, kind)
    assert len(result.claims) == 6
    assert not any(proof.holds for proof in result.claims)
    (told,) = [finding.message for finding in result.fatal if finding.layers == ("body.3.0",)]
    assert told == (
        "factorize: 2 factors in the place of body.3.0 promised: body.3.0.0 has no weight tensor, "
        "body.3.0.1 has no weight tensor, body.3.0 has a weight tensor of its own"
    )
