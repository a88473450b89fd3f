"""The key of a stage: the digest of everything its artifact depends on, kept in parts so that a change can be named.

The stage's id is not part of it: equal work of two targets has one key and is done once.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.graph.canonical import digest_of, plain
from edgebuild.graph.code_digest import CodeDigester
from edgebuild.graph.file_digest import FileDigester
from edgebuild.graph.own_sources import own_sources
from edgebuild.graph.source_modules import distribution_version
from edgebuild.graph.stage import Stage, StageKind


@dataclass(frozen=True)
class StageKey:
    """A key and the parts it was made of, as plain JSON values.

    `components` has: kind, version, params, seed, inputs (role -> artifact digest), code (reference -> `CodeDigest`),
    files (role -> name and sha256), tools (distribution -> version), sources (part of this package -> sha256; only
    where there are any), platform (None where it does not matter).
    """

    key: str
    components: dict[str, Any]


class KeyMaker:
    """Makes keys for the stages of one build; it sees one state of the user's code."""

    def __init__(self, project_root: Path, files: FileDigester) -> None:
        """`files` remembers the digests of big files between builds."""
        self._project_root = project_root
        self._code = CodeDigester(project_root)
        self._files = files

    def make(self, stage: Stage, kind: StageKind, inputs: Mapping[str, str]) -> StageKey:
        """The key of `stage`, whose input artifacts have the digests `inputs` (role -> digest).

        Raises:
            ConfigError: user code or a file that it depends on is missing.
        """
        components = self.own_components(stage, kind)
        components["inputs"] = {role: inputs[role] for role in sorted(stage.inputs)}
        return StageKey(digest_of(components), components)

    def own_components(self, stage: Stage, kind: StageKind) -> dict[str, Any]:
        """All components but the inputs, which are only known once they are made.

        Raises:
            ConfigError: user code or a file that it depends on is missing.
        """
        tools = {name: distribution_version(name) for name in sorted(set(kind.tools(stage.params)))}
        if stage.code:
            tools["python"] = ".".join(platform.python_version_tuple()[:2])
        sources = {name: own_sources(name) for name in sorted(set(kind.sources(stage.params)))}
        return {
            "kind": stage.kind,
            "version": kind.version,
            "params": plain(stage.params, f"{stage.id}: params"),
            "seed": stage.seed,
            "code": {reference: self._code.digest(reference).to_json() for reference in sorted(set(stage.code))},
            "files": {role: self._file(path) for role, path in sorted(stage.files.items())},
            "tools": tools,
            **({"sources": sources} if sources else {}),
            "platform": describe_platform() if kind.platform else None,
        }

    def _file(self, path: str) -> dict[str, str]:
        full = self._project_root / path
        try:
            return {"name": full.name, "sha256": self._files.digest(full)}
        except ConfigError as error:
            shown = error.message.replace(f"{self._project_root}{os.sep}", "")
            raise ConfigError(shown, remedy=error.remedy) from error


@cache
def describe_platform() -> dict[str, str]:
    """What a measurement on this machine depends on: system, architecture, processor, cores."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part"))]
    return names[0] if names else platform.processor()
