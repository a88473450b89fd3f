"""The example of a pruned project, built for both runtimes: the files are smaller, and a whole file is found out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgebuild.check.census.model import Census
from edgebuild.check.macs import weight_macs
from edgebuild.check.verify import ClaimProof, verify
from edgebuild.check.wiring import Wiring
from edgebuild.config.load import load_project
from edgebuild.config.registries import CENSUSES
from edgebuild.export.format import read_export
from edgebuild.graph.assemble import SCORE, build_graph, promise_of, target_stages
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from edgebuild.model.model_folder import read_record

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
TARGETS = ("raspberry-pi-4-pruned", "android-arm64-pruned")


class Building:
    """The built project: artifacts by the id of their stage."""

    def __init__(self, root: Path) -> None:
        for file in (*DIGITS.glob("*.py"), DIGITS / "pruned.yaml"):
            shutil.copyfile(file, root / file.name)
        self.project = load_project(root / "pruned.yaml")
        self.stages = {target.name: target_stages(target) for target in self.project.targets}
        wanted = [name for ids in self.stages.values() for name in (*ids.scores, ids.verify, ids.float_export) if name]
        graph = build_graph(self.project).subgraph(wanted)
        self.result: BuildResult = execute(graph, open_store(root), root, jobs=1, observer=Unobserved())

    def folder(self, stage: str | None) -> Path:
        assert stage is not None
        found = self.result.artifact(stage)
        assert found is not None, [str(error) for error in self.result.errors()]
        return found

    def census(self, stage: str | None) -> Census:
        folder = self.folder(stage)
        file = folder / read_export(folder).file
        census: Census = CENSUSES.get(file.suffix.removeprefix(".")).read(file)
        return census

    def figure(self, stage: str, name: str) -> float:
        facts = json.loads((self.folder(stage) / "score.json").read_text())
        return float(next(figure["value"] for figure in facts["figures"] if figure["name"] == name))

    def proofs(self, target: str, census: Census) -> list[ClaimProof]:
        """The claims of pruning, held against a file."""
        record = read_record(self.folder(self.stages[target].steps[0]))
        promise = promise_of(next(one for one in self.project.targets if one.name == target))
        return list(verify(census, promise, record.claims, ()).claims)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Building:
    return Building(tmp_path_factory.mktemp("digits"))


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_is_proved_to_be_pruned(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= {"channels", "channel_multiple", "macs"}
    assert all(proof["holds"] for proof in facts["claims"])
    assert [finding for finding in facts["findings"] if finding["severity"] == "fatal"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_whole_file_would_be_found_out(built: Building, target: str) -> None:
    proofs = built.proofs(target, built.census(built.stages[target].float_export))
    missed = {proof.claim["claim"] for proof in proofs if not proof.holds}
    assert {"channels", "macs"} <= missed
    assert all(not proof.holds for proof in proofs if proof.claim["claim"] == "channels")


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_computes_as_much_as_the_model_in_the_ledger(built: Building, target: str) -> None:
    census, ids = built.census(built.stages[target].export), built.stages[target]
    wiring = Wiring(census)
    macs = sum(weight_macs(weight, wiring) for weight in census.weights if len(weight.shape) > 1)
    assert macs == built.figure(ids.scores[0], "macs") <= 0.5 * built.figure(SCORE, "macs")


def test_the_ledger_has_less_of_everything_but_accuracy(built: Building) -> None:
    pruned = built.stages[TARGETS[0]].scores[0]
    for name in ("macs", "parameters", "file_size"):
        assert built.figure(pruned, name) < 0.6 * built.figure(SCORE, name)
    assert built.figure(pruned, "accuracy") > built.figure(SCORE, "accuracy") - 2.0


def test_both_targets_share_one_pruned_model(built: Building) -> None:
    first, second = (built.folder(built.stages[target].steps[0]) for target in TARGETS)
    assert first == second
