"""Create the environment of tflite-runtime: `python -m edgebuild.runtime.tflite_runtime_install`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from edgebuild.errors import ToolError

VERSION = "2.14.0"
COMMAND = "python -m edgebuild.runtime.tflite_runtime_install"
_REQUIREMENTS = (f"tflite-runtime=={VERSION}", "numpy<2")


def environment() -> Path:
    """Folder of the environment, inside the one that edgebuild runs in."""
    return Path(sys.prefix) / "runtimes" / f"tflite-runtime-{VERSION}"


def environment_python() -> Path:
    """The interpreter that has tflite-runtime; it may not exist yet."""
    return environment() / "bin" / "python"


def install() -> bool:
    """Create the environment with pip; return False where it was there already.

    Raises:
        ToolError: pip failed; nothing half-made is left.
    """
    if environment_python().exists() and _imports(environment_python()):
        return False
    target = environment()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    try:
        venv.create(target, with_pip=True)
        pip = [str(environment_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *_REQUIREMENTS], capture_output=True, text=True, check=False)
        if done.returncode != 0 or not _imports(environment_python()):
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            msg = f"pip could not install {' '.join(_REQUIREMENTS)}: {lines[-1] if lines else 'it said nothing'}"
            raise ToolError(msg, remedy=f"look at pip's index and its network, then run {COMMAND}")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return True


def _imports(python: Path) -> bool:
    with tempfile.TemporaryDirectory() as elsewhere:
        check = [str(python), "-c", "import tflite_runtime.interpreter"]
        return subprocess.run(check, capture_output=True, cwd=elsewhere, check=False).returncode == 0


if __name__ == "__main__":
    try:
        made = install()
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(int(error.exit_code))
    sys.stdout.write(f"tflite-runtime {VERSION}: {'installed' if made else 'already there'} in {environment()}\n")
