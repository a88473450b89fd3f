"""Write constraints.txt: every distribution that `edgebuild[all,dev]` pulls in, at its version in this environment.

Run as `.venv/bin/python scripts/write_constraints.py` after a deliberate upgrade. Versions are public ones: a build tag
such as `+cpu` says where a wheel came from, which is the business of whoever installs.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent

HEADER = """\
# Every distribution of edgebuild[all,dev] at the version that was tested together, on CPython 3.11.
# Written by scripts/write_constraints.py; do not edit.
"""


def closure(root: Requirement) -> dict[str, str]:
    """Return canonical name -> public version of everything that `root` needs here, without `root` itself."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    pending = [root]
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        for extra in ["", *sorted(requirement.extras)]:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            distribution = metadata.distribution(name)
            versions[name] = Version(distribution.version).public
            for text in distribution.requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    pending.append(needed)
    del versions[canonicalize_name(root.name)]
    return versions


def constraints_text() -> str:
    """Return the content of constraints.txt for this environment."""
    versions = closure(Requirement("edgebuild[all,dev]"))
    return HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def main() -> None:
    """Write the file."""
    path = ROOT / "constraints.txt"
    path.write_text(constraints_text())
    sys.stdout.write(f"{path.name}: {len(constraints_text().splitlines()) - 2} distributions\n")


if __name__ == "__main__":
    main()
