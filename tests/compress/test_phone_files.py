"""What steps did to the weights is read from the delegates of phones too, and missed where they did nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.check.census.model import Census
from edgebuild.check.census.pte import read_pte_census
from edgebuild.check.delegate_weights import weight_findings
from edgebuild.config.registries import CLAIMS, FORMATS
from edgebuild.export.format import Dtype, ExportRequest
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.classroom import Classroom

DTYPES: dict[str, Dtype] = {"executorch-vulkan": "fp32", "executorch-coreml": "fp16"}
READ = ("distinct_values", "sparsity", "zero_places", "weights_dtype")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A depthwise convolution; batch norms follow all of them."""
    return Classroom(tmp_path_factory.mktemp("room"), "depthwise", epochs=1)


def exported(room: Classroom, folder: Path, form: str) -> tuple[Path, Census]:
    output = room.root / f"{folder.name}-{form}"
    output.mkdir()
    request = ExportRequest(folder, room.data, output, room.root, DTYPES[form], "float32", "nchw", {}, 1, Silent())
    FORMATS.get(form).run(request)
    return output, read_pte_census(output / "model.pte")


@pytest.mark.parametrize("form", DTYPES)
def test_zeros_and_codebooks_are_proved(room: Classroom, form: str) -> None:
    folder = room.root / "shared"
    if not folder.exists():
        pruned = room.step("prune", "pruned", kind="unstructured", sparsity=0.5, finetune={"epochs": 1})
        room.step("cluster", "shared", model=pruned, clusters=6, finetune={"epochs": 1})
    claims = [claim for claim in read_record(folder).claims if claim["claim"] in READ]
    claims = [{**claim, "file": str(folder / claim["file"])} if "file" in claim else claim for claim in claims]
    assert {str(claim["claim"]) for claim in claims} >= {"distinct_values", "sparsity", "zero_places"}
    output, census = exported(room, folder, form)
    assert [CLAIMS.get(claim["claim"]).check(census, claim).findings for claim in claims] == [()] * len(claims)
    (note,) = weight_findings(output / "model.pte", output / "graph.pt2")
    assert (note.code, note.severity) == ("delegate-weights", "note")
    _, plain = exported(room, room.baseline, form)
    wrong = [claim["claim"] for claim in claims if not CLAIMS.get(claim["claim"]).check(plain, claim).findings]
    assert wrong == []
