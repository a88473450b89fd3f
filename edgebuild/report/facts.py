"""The facts of one run: everything a report says, as typed records; report.json is exactly these.

Whoever runs a build fills them in; nothing here computes or guesses. Figures that the report knows by name:
`accuracy` (the project's metric, on validation data), `accuracy_drop` (points below the baseline), `file_size` (B),
`host_latency` (ms), `parameters`, `macs`; the device's `latency`, `ram`, `flash` and `energy`. Others are shown as
they come.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from edgebuild.check.finding import Finding
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.report.firmware_facts import FirmwareFacts
from edgebuild.report.profile_facts import DeviceProfile, OpProfile
from edgebuild.report.sensitivity_facts import SensitivityFacts

SCHEMA_VERSION = 1
"""Raise it when a reader of report.json must change."""

Status = Literal["ok", "missed", "failed", "error", "skipped"]
"""ok: all budgets met, every effect proved; missed: a budget is missed; failed: a claim or finding is fatal;
error: a stage raised; skipped: nothing was built."""


@dataclass(frozen=True)
class ProjectFacts:
    """The project: `path` of edgebuild.yaml relative to where the command ran; `metric` as the project names it."""

    name: str
    path: str
    metric: str


@dataclass(frozen=True)
class RunInfo:
    """The run itself.

    Attributes:
        id: name of the folder below reports/; empty until `write_report` gives one.
        started: ISO 8601 in UTC, `2026-01-31T12:00:00Z`.
        seconds: wall time of the whole command.
        edgebuild: version of edgebuild.
        host: what stays the same between two builds (`edgebuild.bench.host.host_facts`).
        command: as the user typed it.
    """

    id: str
    started: str
    seconds: float
    edgebuild: str
    host: dict[str, str]
    command: str


@dataclass(frozen=True)
class LedgerRow:
    """One row per stage that made a model: figures after it, its effect in one line, wall time when it ran."""

    stage: str
    title: str
    figures: tuple[Figure, ...]
    effect: str
    seconds: float


@dataclass(frozen=True)
class BaselineFacts:
    """The float model everything is compared with; `file_size` is that of its weights.

    `higher_is_better` is the direction of the project's metric, which is the figure `accuracy`.
    """

    figures: tuple[Figure, ...]
    ledger: tuple[LedgerRow, ...]
    higher_is_better: bool = True


@dataclass(frozen=True)
class ArtifactFacts:
    """The exported file: `io` in words (`int8 in, int8 out`); `folder` relative to the project."""

    file: str
    format: str
    dtype: str
    io: str
    sha256: str
    bytes: int
    folder: str


@dataclass(frozen=True)
class PromiseFacts:
    """What the profile promises: the dtype asked for, the runtime, and the oldest one that must still load the file."""

    dtype: str
    runtime: str
    oldest: str


@dataclass(frozen=True)
class BudgetResult:
    """One budget and what became of it.

    Attributes:
        name: as in the profile, `size`.
        limit: in `unit`.
        figure: name of the figure that was judged, `file_size`.
        value: of the figure in `unit`; None where it is missing.
        met: None where the figure is missing: not measured is neither met nor missed.
        note: what a reader must know, such as `within noise`.
        sense: whether the figure may be at most (`max`) or at least (`min`) the limit.
    """

    name: str
    limit: float
    unit: str
    figure: str
    value: float | None
    met: bool | None
    note: str = ""
    sense: Literal["max", "min"] = "max"


@dataclass(frozen=True)
class ClaimFacts:
    """One effect a step claims, what was found in the file, and whether that proves it."""

    claim: str
    step: str
    evidence: str
    ok: bool


@dataclass(frozen=True)
class DtypeCount:
    """Tensors of one dtype in one role: how many, and how many stored bytes."""

    role: str
    dtype: str
    count: int
    bytes: int


@dataclass(frozen=True)
class OperationCount:
    """Operations of one kind and version, and the delegate that runs them (None: the runtime's own kernels)."""

    name: str
    version: int
    delegate: str | None
    count: int


@dataclass(frozen=True)
class IoFacts:
    """One input or output of the file as its caller sees it; scale and zero point only where it is quantized."""

    role: Literal["input", "output"]
    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class CensusFacts:
    """What is really in the file, counted; `arena_bytes` is None where neither file nor runtime states it."""

    tensors: tuple[DtypeCount, ...]
    operations: tuple[OperationCount, ...]
    delegates: tuple[str, ...]
    io: tuple[IoFacts, ...]
    arena_bytes: int | None
    arena_source: str


@dataclass(frozen=True)
class LayerFacts:
    """How far one layer's output is from the float model's; None where both are equal (infinite SQNR)."""

    layer: str
    sqnr_db: float | None


@dataclass(frozen=True)
class PrecisionFacts:
    """What one layer, alone in the coarser type, does to the outputs, and the type that it was given for it.

    Attributes:
        layer: dotted name.
        noise: energy of the outputs' error over that of the outputs.
        lost: of the metric on the validation data, in its unit; below 0 it gains.
        dtype: that the layer's weight has.
        coarse: the type in which it was measured.
    """

    layer: str
    noise: float
    lost: float
    dtype: str
    coarse: str


@dataclass(frozen=True)
class StageFacts:
    """One stage of the build: what happened to it, its wall time now, why it ran (empty where it did not)."""

    id: str
    status: str
    seconds: float
    causes: tuple[str, ...]


@dataclass(frozen=True)
class TargetFacts:
    """Everything about one target; parts that were never reached are None or empty.

    `profile` is of the build host, `device_profile` of the target's device where that is a real one.
    """

    name: str
    description: str
    status: Status
    error: str | None = None
    artifact: ArtifactFacts | None = None
    promise: PromiseFacts | None = None
    figures: tuple[Figure, ...] = ()
    budgets: tuple[BudgetResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    claims: tuple[ClaimFacts, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    census: CensusFacts | None = None
    profile: tuple[OpProfile, ...] = ()
    device_profile: DeviceProfile | None = None
    layers: tuple[LayerFacts, ...] = ()
    precision: tuple[PrecisionFacts, ...] = ()
    firmware: FirmwareFacts | None = None
    sensitivity: tuple[SensitivityFacts, ...] = ()
    stages: tuple[StageFacts, ...] = ()
    packages: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure | None:
        """Return the figure called `name`; None where the target has none."""
        return find_figure(self.figures, name)


@dataclass(frozen=True)
class RunFacts:
    """One run; `tools` is distribution -> version of everything that made the artifacts."""

    project: ProjectFacts
    run: RunInfo
    baseline: BaselineFacts
    targets: tuple[TargetFacts, ...]
    tools: dict[str, str]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, all keys always present."""
        return dict(json.loads(json.dumps(asdict(self), allow_nan=False)))

    @staticmethod
    def from_json(raw: dict[str, Any]) -> RunFacts:
        """Rebuild from `to_json`.

        Raises:
            ConfigError: the document is not a report, or one of another schema version.
        """
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if version != SCHEMA_VERSION:
            msg = f"not a report of schema version {SCHEMA_VERSION}: found schema_version {version!r}"
            raise ConfigError(msg, remedy="rebuild the report with this version of edgebuild")
        from pydantic import ValidationError

        try:
            facts: RunFacts = _adapter().validate_python(raw)
        except ValidationError as error:
            first = error.errors()[0]
            msg = f"not a report: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise ConfigError(msg) from error
        return facts


def find_figure(figures: tuple[Figure, ...], name: str) -> Figure | None:
    """Return the last figure called `name` (a later stage's overrides an earlier one's); None where there is none."""
    return next((figure for figure in reversed(figures) if figure.name == name), None)


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(RunFacts)
