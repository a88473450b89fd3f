"""Native helpers that are compiled on first use: one place for where they lie and how they get there.

They lie in `<sys.prefix>/var/edgebuild/` under a name that contains a digest of everything they depend on, so that
several processes and versions never meet; each is compiled aside and renamed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edgebuild.errors import ToolError

COMPILE_SECONDS = 300


def compiled_once(name: str, depends: Iterable[str], compile_to: Callable[[Path], None]) -> Path:
    """The file called `name` for these dependencies; `compile_to(path)` makes it if nobody did before.

    Raises:
        ToolError: the folder cannot be written, or what `compile_to` raises.
    """
    digest = hashlib.sha256("\0".join(depends).encode()).hexdigest()[:16]
    target = Path(sys.prefix) / "var" / "edgebuild" / f"{name}-{digest}"
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "made"
            compile_to(made)
            made.replace(target)
    except OSError as error:
        msg = f"{target}: cannot be written: {error.strerror}"
        raise ToolError(msg, remedy="make the folder writable, or free space on its disk") from None
    return target


def run_compiler(command: Sequence[str], what: str, remedy: str) -> None:
    """Run a compiler, its messages in English.

    Raises:
        ToolError: it failed; the message has its first error and says `what` it was to compile.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        list(command), capture_output=True, text=True, env=environment, timeout=COMPILE_SECONDS, check=False
    )
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:500])
        program = Path(command[0]).name
        msg = f"{program} cannot compile {what} (exit code {done.returncode}): {first}"
        raise ToolError(msg, remedy=remedy)
