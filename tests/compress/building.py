"""An example project built for all of its targets: artifacts, figures and proofs by the name of the target."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from edgebuild.check.census.model import Census
from edgebuild.check.verify import ClaimProof, verify
from edgebuild.config.load import load_project
from edgebuild.config.registries import CENSUSES
from edgebuild.export.format import read_export
from edgebuild.graph.assemble import build_graph, target_stages
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.promise import promise_of
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from edgebuild.model.model_folder import read_record
from tests.workers import LastingExecutor, building_with

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


class Building:
    """The built project: artifacts by the id of their stage."""

    def __init__(
        self,
        root: Path,
        workers: LastingExecutor,
        project: str,
        wanted: Sequence[str] = ("verify", "float_export"),
        epochs: int | None = None,
    ) -> None:
        """`wanted` are stages of every target, besides those of its scores (`edgebuild.graph.assemble`).

        `epochs` are those of every training, where what is trained need not be good. What another project of this
        `root` has made already is not made again.
        """
        root = root / ("as they are" if epochs is None else f"{epochs} epochs")
        for file in (*DIGITS.glob("*.py"), DIGITS / project, *DIGITS.glob("targets/*.yaml")):
            text = file.read_text()
            if epochs is not None and file.suffix == ".yaml":
                text = re.sub(r"\bepochs: \d+", f"epochs: {epochs}", text)
            copy = root / file.relative_to(DIGITS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)
        self.project = load_project(root / project)
        self.stages = {target.name: target_stages(target) for target in self.project.targets}
        names = [[*ids.scores, *(getattr(ids, stage) for stage in wanted)] for ids in self.stages.values()]
        graph = build_graph(self.project).subgraph([name for group in names for name in group if name])
        with building_with(workers):
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
        """The claims of the first step, held against a file."""
        record = read_record(self.folder(self.stages[target].steps[0]))
        promise = promise_of(next(one for one in self.project.targets if one.name == target))
        return list(verify(census, promise, record.claims, ()).claims)
