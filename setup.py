"""Adds the shipped profiles, which live at the top of the checkout, to the wheel as `edgebuild/_shipped/`."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("targets", "devices")


class BuildWithProfiles(build_py):
    """The ordinary build, plus `targets/` and `devices/`; an editable install reads them where they are."""

    def run(self) -> None:
        """Build the package, then copy the profiles beside it."""
        super().run()
        if self.editable_mode:
            return
        for folder in SHIPPED:
            destination = Path(self.build_lib) / "edgebuild" / "_shipped" / folder
            shutil.rmtree(destination, ignore_errors=True)
            shutil.copytree(Path(__file__).parent / folder, destination)


setup(cmdclass={"build_py": BuildWithProfiles})
