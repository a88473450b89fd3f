"""The package `plain`: the file, its labels and the manifest, in one folder."""

from __future__ import annotations

from edgebuild.config.registries import PACKAGERS
from edgebuild.package.contents import copy_model, write_labels, write_manifest
from edgebuild.package.packager import PackageOptions, Packager, PackageRequest, read_options


def pack(request: PackageRequest) -> None:
    """Fill the folder with `model.*`, `labels.txt` and `manifest.json`."""
    read_options(request, PackageOptions)
    record = copy_model(request, request.output)
    write_labels(request, request.output)
    write_manifest(request, record, request.output)


PACKAGERS.register("plain")(Packager("the file, its labels and a manifest", version=1, run=pack))
