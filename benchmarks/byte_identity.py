"""Two cold builds on one machine, in two folders: promised byte-identical artifacts."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from measuring.demo import build, fresh_project
from measuring.results import Result, publish

ARTIFACTS = "artifacts"


def main() -> None:
    """Build in two folders of different depth, and compare every file that a developer takes."""
    with tempfile.TemporaryDirectory() as folder:
        digests = []
        for name in ("one", "somewhere else/two"):
            project = fresh_project(Path(folder), name)
            build(project)
            digests.append(_digests(project / ARTIFACTS))
    first, second = digests
    different = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    for name in different:
        print(f"differs: {name}")
    models = sum(name.endswith((".pte", ".tflite")) for name in first)
    publish(
        "byte_identity",
        "Two cold builds",
        "SHA-256 of every file below artifacts/ of two builds of examples/digits, each with its own empty store.",
        [
            Result(
                "files that differ", len(different), "files", 0, f"{len(first)} files compared, {models} of them models"
            ),
            Result("files missing from the comparison", 0 if first and models else 1, "files", 0),
        ],
    )


def _digests(folder: Path) -> dict[str, str]:
    """Path below `folder` -> SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


if __name__ == "__main__":
    main()
