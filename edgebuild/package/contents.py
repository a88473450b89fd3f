"""What every package holds, whatever its layout: the model file, its labels and the manifest that names every byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from edgebuild.errors import ConfigError
from edgebuild.export.format import ExportRecord, read_export
from edgebuild.figure import Figure
from edgebuild.package.packager import PackageRequest

MANIFEST = "manifest.json"
LABELS = "labels.txt"
CONTAINER = "container"


def copy_model(request: PackageRequest, folder: Path) -> ExportRecord:
    """Copy the exported file into `folder`, unchanged and under its own name; return what export.json says of it.

    What the compiler of an accelerator made of it lies beside it.

    Where the options ask for it, a folder `container` of the package has the same file packed, and what unpacks it.
    """
    record = read_export(request.export)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(request.export / record.file, folder / record.file)
    for compiled in request.compiled:
        shutil.copyfile(compiled, folder / compiled.name)
    if request.options.get("container"):
        _write_container(request.export / record.file, request.output / CONTAINER)
    return record


def _write_container(file: Path, folder: Path) -> None:
    from edgebuild.package.container.decoder import DECODER, HEADER
    from edgebuild.package.container.pack import SUFFIX, pack_file

    folder.mkdir()
    (folder / file.with_suffix(SUFFIX).name).write_bytes(pack_file(file))
    for source in (DECODER, HEADER):
        shutil.copyfile(source, folder / source.name)


def _ship_size(package: Path) -> list[dict[str, object]]:
    """The figure of the container, where there is one; `file_size` is the size of what it unpacks to."""
    found = sorted((package / CONTAINER).glob("*.ebz"))
    source = "the container, which unpack.c restores the file from"
    return [
        Figure("ship_size", float(file.stat().st_size), "B", "exact", provenance=f"{file.name}: {source}").to_json()
        for file in found
    ]


def write_labels(request: PackageRequest, folder: Path) -> None:
    """Write `labels.txt`, one class a line in the order of the scores; nothing where there are no classes.

    Raises:
        ConfigError: a label holds a line break, so that a file of lines could not carry it.
    """
    for label in request.labels:
        if label.splitlines() not in ([label], []):
            msg = f"class name {label!r} holds a line break; labels.txt has one name a line"
            raise ConfigError(msg, remedy="change it under data.classes in edgebuild.yaml")
    if request.labels:
        (folder / LABELS).write_text("".join(f"{label}\n" for label in request.labels), encoding="utf-8")


def write_manifest(request: PackageRequest, record: ExportRecord, folder: Path) -> None:
    """Write `manifest.json` into `folder`: the builder's facts, the interface, and the SHA-256 of every other file.

    Call it last. Paths in `files` are relative to the package, with forward slashes.
    """
    interface = {
        "file": record.file,
        "format": record.format,
        "dtype": record.dtype,
        "layout": record.layout,
        "inputs": [asdict(item) for item in record.inputs],
        "outputs": [asdict(item) for item in record.outputs],
    }
    files = {
        path.relative_to(request.output).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in request.output.rglob("*")
        if path.is_file()
    }
    figures = [*request.manifest.get("figures", ()), *_ship_size(request.output)]
    content = {
        **request.manifest,
        "figures": figures,
        "labels": list(request.labels),
        "interface": interface,
        "files": files,
    }
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
