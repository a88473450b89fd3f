"""The package `linux`: a folder for a Raspberry Pi or another Linux board, with a program that runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from edgebuild.config.registries import PACKAGERS
from edgebuild.errors import ConfigError
from edgebuild.package.contents import copy_model, write_labels, write_manifest
from edgebuild.package.packager import PackageOptions, Packager, PackageRequest, read_options

RUNNER = Path(__file__).parent / "templates" / "run.py"
"""Stands alone: it needs numpy and one of the two LiteRT packages on the board, and nothing of edgebuild."""


def pack(request: PackageRequest) -> None:
    """Fill the folder with `model.tflite`, `labels.txt`, `run.py` and `manifest.json`.

    Raises:
        ConfigError: the profile exports something that run.py cannot run.
    """
    read_options(request, PackageOptions)
    record = copy_model(request, request.output)
    if record.format != "tflite":
        msg = (
            f"package kind 'linux' has a program for tflite files; this target exports {record.format} ({record.file})"
        )
        raise ConfigError(msg, remedy="say `export: {format: tflite}` or `package: {kind: plain}` in the profile")
    write_labels(request, request.output)
    shutil.copyfile(RUNNER, request.output / "run.py")
    write_manifest(request, record, request.output)


PACKAGERS.register("linux")(Packager("a folder for a Linux board, with a program that runs it", version=1, run=pack))
