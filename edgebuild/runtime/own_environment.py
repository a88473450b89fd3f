"""A Python environment of its own, inside the one that edgebuild runs in, for a tool that does not go with the rest."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from edgebuild.errors import ToolError


@dataclass(frozen=True)
class OwnEnvironment:
    """One environment.

    Attributes:
        name, version: of the tool; the folder is called after both.
        requirements: what pip installs into it.
        module: that can be imported where it is whole.
        command: creates it, for people.
    """

    name: str
    version: str
    requirements: tuple[str, ...]
    module: str
    command: str

    @property
    def folder(self) -> Path:
        """Where it is; it may not exist yet."""
        return Path(sys.prefix) / "runtimes" / f"{self.name}-{self.version}"

    @property
    def python(self) -> Path:
        """Its interpreter; it may not exist yet."""
        return self.folder / "bin" / "python"

    def install(self) -> bool:
        """Create it with pip; return False where it was there already.

        Raises:
            ToolError: pip failed; nothing half-made is left.
        """
        if self.python.exists() and self._is_whole():
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            venv.create(self.folder, with_pip=True)
            pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run([*pip, *self.requirements], capture_output=True, text=True, check=False)
            if done.returncode != 0 or not self._is_whole():
                lines = [line for line in done.stderr.splitlines() if line.strip()]
                said = lines[-1] if lines else "it said nothing"
                msg = f"pip could not install {' '.join(self.requirements)}: {said}"
                raise ToolError(msg, remedy=f"look at pip's index and its network, then run {self.command}")
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return True

    def main(self) -> None:
        """What the module that is run for it does: create it, and say so."""
        try:
            made = self.install()
        except ToolError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(int(error.exit_code))
        sys.stdout.write(f"{self.name} {self.version}: {'installed' if made else 'already there'} in {self.folder}\n")

    def _is_whole(self) -> bool:
        with tempfile.TemporaryDirectory() as elsewhere:
            check = [str(self.python), "-c", f"import {self.module}"]
            return subprocess.run(check, capture_output=True, cwd=elsewhere, check=False).returncode == 0
