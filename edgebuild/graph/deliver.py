"""Delivering a target's package: from the store to `artifacts/TARGET/` in the project, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from edgebuild.errors import StoreError
from edgebuild.graph.atomic_write import remedy_of

ARTIFACTS = "artifacts"


def deliver(package: Path, target: str, project_root: Path) -> Path:
    """Make `artifacts/TARGET/` hold exactly the files of `package`; return that folder relative to the project.

    A folder that already does is left untouched; a new one replaces the old one with a rename.

    Raises:
        StoreError: the folder cannot be written; the old one is still there.
    """
    final = project_root / ARTIFACTS / target
    if _same(package, final):
        return final.relative_to(project_root)
    try:
        final.parent.mkdir(exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target}-", dir=final.parent))
        try:
            shutil.copytree(package, work / "new", copy_function=shutil.copyfile)
            if final.exists():
                final.rename(work / "old")
            (work / "new").rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        msg = f"cannot write {ARTIFACTS}/{target}: {error.strerror or error}"
        raise StoreError(msg, remedy=remedy_of(error)) from error
    return final.relative_to(project_root)


def _same(package: Path, final: Path) -> bool:
    if not final.is_dir():
        return False
    files = [{path.relative_to(root): path for path in root.rglob("*") if path.is_file()} for root in (package, final)]
    return files[0].keys() == files[1].keys() and all(
        files[0][name].read_bytes() == files[1][name].read_bytes() for name in files[0]
    )
