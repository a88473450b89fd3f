"""A stage: one node of the build graph, and what its kind must provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.progress import ProgressSink


@dataclass(frozen=True)
class Stage:
    """One node of the build graph: pure in its inputs, parameters, code, files and seed.

    Attributes:
        id: unique in the graph and stable between builds: `data`, `baseline`, `raspberry-pi-4/quantize`.
            A shared prefix is shared because its stages have the same id-independent key, not the same id.
        kind: a name in the STAGES registry.
        params: plain JSON values; everything that changes the result and is not a file or code.
        inputs: role -> id of the stage whose artifact is read.
        code: user code the result depends on, as `module:function` or `module`; the key covers the helpers it imports.
        files: role -> path of a file or folder outside the store whose content the result depends on.
        seed: the seed of everything random in the stage.
        target: the target this stage belongs to; None for those shared by all.
    """

    id: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    code: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    target: str | None = None


@dataclass(frozen=True)
class StageContext:
    """What a running stage sees.

    Attributes:
        stage: the node itself.
        inputs: role -> folder of the input artifact; read-only.
        output: an empty folder to fill; it becomes the artifact when the function returns, and vanishes if it raises.
        project_root: folder of edgebuild.yaml; on sys.path while the stage runs.
        progress: where to report.
        checkpoints: a folder of the stage's key, which may not exist yet, for what a killed run can go on from; it is
            gone once the stage has succeeded. None where nothing is kept.
    """

    stage: Stage
    inputs: Mapping[str, Path]
    output: Path
    project_root: Path
    progress: ProgressSink
    checkpoints: Path | None = None


@dataclass(frozen=True)
class StageKind:
    """What a kind of stage provides; registered in STAGES under its name.

    Attributes:
        version: raise it when the code of this kind changes what it makes.
        sources: parts of this package, from the params, whose every change counts as one of the version: folders like
            `export/c`, whose kernels are many and change often.
        run: fills `context.output`; raises an EdgebuildError for anything the user can mend.
        tools: names of the installed distributions whose versions the result depends on, from the params.
        platform: True where the result depends on the machine (a benchmark), so that its key includes it.
        gate: looks at the finished artifact; a returned text is the reason why nothing downstream may run.
        exclusive: True where nothing else of the build may run beside it (a timing).
    """

    version: int
    run: Callable[[StageContext], None]
    tools: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda _params: ()
    sources: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda _params: ()
    platform: bool = False
    gate: Callable[[Path], str | None] = lambda _artifact: None
    exclusive: bool = False
