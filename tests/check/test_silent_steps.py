"""Every plan step and every export option, with the function inside that does its work doing nothing: the build fails.

The table is complete: a step, a kind of one or an export option without an entry fails `test_everything_has_an_entry`.
Where a test elsewhere already does this, the entry names it (`Elsewhere`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from edgebuild.check.census.tflite import take_census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.verify import verify
from edgebuild.config.registries import FORMATS, STEPS
from edgebuild.errors import EdgebuildError
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.export.tflite.convert import FloatModel
from edgebuild.export.tflite.format import export_converted
from edgebuild.export.tflite.quantizers import QUANTIZERS
from edgebuild.export.tflite.source import float_model
from edgebuild.model.load import WEIGHTS as WEIGHTS_FILE
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.classroom import Classroom

TESTS = Path(__file__).parents[1]
Skip = Callable[[pytest.MonkeyPatch], None]
ONCE = {"epochs": 1, "learning_rate": 0.001}


@dataclass(frozen=True)
class Skipped:
    """A step, or an export after one, and what to leave out of it.

    Attributes:
        skip: makes the innermost function do nothing.
        told: how what fails the build must begin: the step's name, or the code of a finding.
        step: name and parameters of the plan step; None where only the export is skipped.
        dtype, options: of the export.
        raises: True where the step itself notices, or whoever rebuilds its model next.
    """

    skip: Skip
    told: str
    step: tuple[str, Mapping[str, Any]] | None = None
    dtype: Any = "fp32"
    options: Mapping[str, Any] = field(default_factory=dict)
    raises: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """The test that leaves out this one's work."""

    test: str


def nothing(name: str, instead: Any = lambda *_args, **_kwargs: None) -> Skip:
    """`instead` in the place of the function at this dotted name."""
    return lambda monkeypatch: monkeypatch.setattr(name, instead)


def both(*skips: Skip) -> Skip:
    def skip(monkeypatch: pytest.MonkeyPatch) -> None:
        for one in skips:
            one(monkeypatch)

    return skip


def float_kept(dtype: Any) -> Skip:
    return lambda monkeypatch: monkeypatch.setitem(QUANTIZERS, dtype, lambda task: task.model)


def whole(scores: Mapping[str, torch.Tensor], *_args: Any, **_kwargs: Any) -> dict[str, torch.Tensor]:
    """Masks that leave every weight."""
    return {name: torch.ones_like(score, dtype=torch.uint8) for name, score in scores.items()}


def untrained(*_args: Any, **_kwargs: Any) -> list[Any]:
    return []


WEIGHTS = "edgebuild.compress.prune.weights.procedure"
TUNE = "edgebuild.compress.training.Training.tune"
HALF = {"kind": "unstructured", "sparsity": 0.5, "finetune": {"epochs": 0, "between": 0}}
PAIRS = {"kind": "n_m", "finetune": {"epochs": 0}}

ENTRIES: dict[str, Skipped | Elsewhere] = {
    "prune": Skipped(
        nothing("edgebuild.compress.prune.procedure.apply"),
        "body.0.0.weight: found",
        ("prune", {"keep": {"macs": 0.6}, "round_to": 4, "finetune": {"epochs": 0, "between": 0}}),
        raises=True,
    ),
    "prune.unstructured": Skipped(nothing(f"{WEIGHTS}.unstructured_masks", whole), "prune: ", ("prune", HALF)),
    "prune.unstructured: masks without effect": Skipped(
        both(nothing(f"{WEIGHTS}.pairs_of", untrained), nothing(TUNE, untrained)), "prune: ", ("prune", HALF)
    ),
    "prune.n_m": Skipped(nothing(f"{WEIGHTS}.pattern_masks", whole), "prune: ", ("prune", PAIRS)),
    "prune.n_m: masks without effect": Skipped(
        both(nothing(f"{WEIGHTS}.pairs_of", untrained), nothing(TUNE, untrained)), "prune: ", ("prune", PAIRS)
    ),
    "factorize": Elsewhere("compress/test_factorize_build.py::test_a_step_that_did_nothing_is_found_out"),
    "distil": Skipped(nothing(TUNE, untrained), "distil: no weight changed", ("distil", {"epochs": 1}), raises=True),
    "cluster": Skipped(
        both(nothing("edgebuild.compress.cluster.layers.share_values"), nothing(TUNE, untrained)),
        "cluster: ",
        ("cluster", {"clusters": 4, "finetune": {"epochs": 1}}),
    ),
    "quantize": Skipped(float_kept("int8"), "quantize: ", ("quantize", {"kind": "static"}), "int8"),
    "quantize: dynamic": Skipped(
        float_kept("int8-dynamic"), "quantize: ", ("quantize", {"kind": "dynamic"}), "int8-dynamic"
    ),
    "quantize: weight_only": Skipped(
        float_kept("int8-weight-only"), "quantize: ", ("quantize", {"kind": "weight_only"}), "int8-weight-only"
    ),
    "quantize: float16": Skipped(float_kept("fp16"), "quantize: ", ("quantize", {"kind": "float16"}), "fp16"),
    "quantize: int16": Skipped(
        float_kept("int16x8"), "quantize: ", ("quantize", {"kind": "static", "activations": "int16"}), "int16x8"
    ),
    "quantize: method": Skipped(
        nothing("edgebuild.export.tflite.format.trained_ranges", lambda *_: {}),
        "quantize: ",
        ("quantize", {"kind": "static", "calibration": {"method": "entropy"}}),
        "int8",
    ),
    "quantize: equalize": Skipped(
        nothing("edgebuild.compress.quantize.equalize._even_out"),
        "quantize: equalize left ranges of channels",
        ("quantize", {"kind": "static", "equalize": True}),
        raises=True,
    ),
    "quantize: correct_bias": Skipped(
        nothing("edgebuild.compress.quantize.correct_bias._run"),
        "quantize: correct_bias changed no bias",
        ("quantize", {"kind": "static", "correct_bias": True}),
        raises=True,
    ),
    "qat": Skipped(float_kept("int8"), "qat: ", ("qat", ONCE), "int8"),
    "qat: training": Skipped(nothing(TUNE, untrained), "qat: no weight changed", ("qat", ONCE), raises=True),
    "qat: ranges": Skipped(
        nothing("edgebuild.export.tflite.format.trained_ranges", lambda *_: {}), "qat: ", ("qat", ONCE), "int8"
    ),
    "quantize: skip": Skipped(
        nothing("edgebuild.export.tflite.static.float_operators", lambda *_: ()),
        "quantize: ",
        ("quantize", {"kind": "static", "skip_first": True}),
        "int8",
    ),
    "qat: skip": Skipped(
        nothing("edgebuild.export.tflite.static.float_operators", lambda *_: ()),
        "qat: ",
        ("qat", {**ONCE, "skip_first": True}),
        "int8",
    ),
    "qat: skip in training": Skipped(
        nothing("edgebuild.model.fakequant.scheme.float_nodes", lambda *_: frozenset()),
        "qat: ",
        ("qat", {**ONCE, "skip_first": True}),
        "int8",
    ),
    "tflite.sparse": Skipped(
        nothing("edgebuild.export.tflite.format.store_sparsely", lambda data, _label: data),
        "sparse-storage: export.options.sparse asked",
        ("prune", {**HALF, "sparsity": 0.9}),
        options={"sparse": True},
    ),
    "tflite.fully_connected": Elsewhere(
        "check/test_rules_tflite.py::test_granularity_of_fully_connected_counts_where_the_profile_says_so"
    ),
    "c.codebooks": Elsewhere("mcu_kernels/test_codebooks.py::test_what_was_asked_and_is_not_in_the_image_is_found"),
    "c.prefix": Elsewhere("mcu/compiler/test_cli.py::test_people_see_every_layer_and_the_memory"),
}
"""step, step.kind or format.option -> what is left out; a further aspect of one stands behind a colon"""


CONVERTED: dict[str, FloatModel] = {}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=1)


def converted(request: ExportRequest) -> FloatModel:
    """The float .tflite; a step that left the model as it was is not converted again."""
    edits = json.dumps(read_record(request.model).edits)
    key = hashlib.sha256((request.model / WEIGHTS_FILE).read_bytes() + edits.encode()).hexdigest()
    if key not in CONVERTED:
        CONVERTED[key] = float_model(request)
    return CONVERTED[key]


def exported(room: Classroom, folder: Path, entry: Skipped) -> list[Finding]:
    """The fatal findings of the file that is made of a model folder."""
    output = folder.with_name(f"{folder.name}-file")
    output.mkdir()
    request = ExportRequest(
        folder, room.data, output, room.root, entry.dtype, "float32", "nchw", entry.options, 1, Silent()
    )
    export_converted(request, converted(request))
    record = read_export(output)
    census = take_census((output / record.file).read_bytes(), record.file, record.layers)
    runtime = RuntimeVersion("litert", "2.3.0")
    promise = Promise("bench", "tflite", entry.dtype, "float32", "nchw", runtime, runtime, options=entry.options)
    result = verify(census, promise, read_record(folder).claims, record.layers, model=folder)
    broken = [finding for proof in result.claims if not proof.holds for finding in proof.findings]
    return [*broken, *result.fatal]


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if isinstance(entry, Skipped)])
def test_left_out_it_fails(room: Classroom, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ENTRIES[name]
    assert isinstance(entry, Skipped)
    assert entry.step is not None
    folder = re.sub(r"\W+", "-", name)
    method, parameters = entry.step
    entry.skip(monkeypatch)
    if entry.raises:
        with pytest.raises(EdgebuildError, match=entry.told):
            exported(room, room.step(method, folder, **parameters), entry)
        return
    told = exported(room, room.step(method, folder, **parameters), entry)
    assert any(
        f"{one.code}: {one.message}".startswith(entry.told) or one.message.startswith(entry.told) for one in told
    )


def test_everything_has_an_entry() -> None:
    expected = set(STEPS.names())
    for name, method in STEPS.items():
        expected |= {f"{name}.{kind}" for kind in (method.kinds.names() if method.kinds else ())}
    for name, chosen in FORMATS.items():
        expected |= {f"{name}.{option}" for option in chosen.options.model_fields}
    assert {name.partition(":")[0] for name in ENTRIES} == expected


def test_what_is_done_elsewhere_is_there() -> None:
    for entry in ENTRIES.values():
        if isinstance(entry, Elsewhere):
            file, _, function = entry.test.partition("::")
            assert f"def {function}(" in (TESTS / file).read_text(), entry.test
