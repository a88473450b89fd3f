"""Codebooks in the exported files: counted there, and missed where the step did nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebuild.check.claim import ClaimResult
from edgebuild.config.registries import CENSUSES, CLAIMS, FORMATS
from edgebuild.export.format import Dtype, ExportRequest, read_export
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.classroom import Classroom
from tests.compress.qat_workshop import SUFFIX

CLUSTERS = 6


def checked(room: Classroom, folder: Path, form: str, dtype: Dtype, claims: Path | None = None) -> list[ClaimResult]:
    """The claims about codebooks of `claims`, held against the file that is exported from `folder`."""
    output = room.root / f"{folder.name}-{form}-{dtype}"
    if not output.exists():
        output.mkdir()
        request = ExportRequest(folder, room.data, output, room.root, dtype, "float32", "nchw", {}, 1, Silent())
        FORMATS.get(form).run(request)
    census = CENSUSES.get(SUFFIX[form]).read(output / read_export(output).file)
    own = [claim for claim in read_record(claims or folder).claims if claim["claim"] == "distinct_values"]
    return [CLAIMS.get("distinct_values").check(census, claim) for claim in own]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A depthwise convolution has its channels elsewhere in a .tflite; batch norms follow all of them."""
    return Classroom(tmp_path_factory.mktemp("room"), "depthwise", epochs=1)


@pytest.mark.parametrize("form", ["tflite", "executorch"])
@pytest.mark.parametrize("last", ["fp32", "quantize-per_tensor", "quantize-per_channel", "qat-per_tensor"])
def test_the_file_has_the_codebooks(room: Classroom, form: str, last: str) -> None:
    step, _, granularity = last.partition("-")
    scope = "per_channel" if granularity == "per_channel" else "per_layer"
    shared, plain = room.root / f"shared-{scope}", room.baseline
    if not shared.exists():
        room.step("cluster", shared.name, clusters=CLUSTERS, scope=scope, finetune={"epochs": 1})
    if step != "fp32":
        own: dict[str, Any] = {"granularity": granularity, **({"epochs": 1} if step == "qat" else {})}
        folders = [room.root / f"{name}-{last}" for name in ("with", "without")]
        for folder, before in zip(folders, (shared, plain), strict=True):
            if not folder.exists():
                room.step(step, folder.name, model=before, **own)
        shared, plain = folders
    dtype: Dtype = "fp32" if step == "fp32" else "int8"
    results = checked(room, shared, form, dtype)
    assert len(results) == 4
    assert [result.findings for result in results] == [()] * 4
    skipped = checked(room, plain, form, dtype, claims=shared)  # the step's inside left out
    assert [len(result.findings) for result in skipped] == [1] * 4
    assert all("promised, found" in finding.message for result in skipped for finding in result.findings)


def test_one_codebook_does_not_survive_scales_per_channel(room: Classroom) -> None:
    """Why the plan refuses it: the file shows more values than the codebook has."""
    shared = room.root / "shared-per_layer"
    if not shared.exists():
        room.step("cluster", shared.name, clusters=CLUSTERS, finetune={"epochs": 0})
    wrong = room.step("quantize", "wrong", model=shared, granularity="per_channel")
    assert any(result.findings for result in checked(room, wrong, "tflite", "int8"))
