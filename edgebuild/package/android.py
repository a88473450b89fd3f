"""The package `android`: what goes into an app module's `src/main/`, with the lines that load it."""

from __future__ import annotations

from pathlib import Path
from string import Template

from edgebuild.config.registries import PACKAGERS
from edgebuild.errors import ConfigError
from edgebuild.export.format import ExportRecord, IoSpec
from edgebuild.package.contents import copy_model, write_labels, write_manifest
from edgebuild.package.packager import PackageOptions, Packager, PackageRequest, read_options

README = Path(__file__).parent / "templates" / "android.md"

KOTLIN_ARRAYS = {
    "float32": "FloatArray",
    "int8": "ByteArray",
    "uint8": "ByteArray",
    "int32": "IntArray",
    "int64": "LongArray",
}


def pack(request: PackageRequest) -> None:
    """Fill `src/main/assets/` with the model, labels and manifest, and put a README with the Kotlin lines beside it.

    Raises:
        ConfigError: the profile exports something that the lines in the README do not load.
    """
    read_options(request, PackageOptions)
    assets = request.output / "src" / "main" / "assets"
    record = copy_model(request, assets)
    if record.format != "executorch":
        msg = f"package kind 'android' is for ExecuTorch files; this target exports {record.format} ({record.file})"
        raise ConfigError(msg, remedy="say `export: {format: executorch}` or `package: {kind: plain}` in the profile")
    write_labels(request, assets)
    (request.output / "README.md").write_text(_readme(request, record), encoding="utf-8")
    write_manifest(request, record, assets)


def _readme(request: PackageRequest, record: ExportRecord) -> str:
    arguments = ", ".join(f"{_identifier(spec)}: {_array(spec)}" for spec in record.inputs)
    values = ", ".join(f"EValue.from({_tensor(spec)})" for spec in record.inputs)
    return Template(README.read_text(encoding="utf-8")).substitute(
        project=str(request.manifest.get("project", "model")),
        file=record.file,
        version=record.tools.get("executorch", "(the version in manifest.json)"),
        interface="\n".join(_row(kind, spec) for kind in ("inputs", "outputs") for spec in getattr(record, kind)),
        arguments=arguments,
        values=values,
        labels_note="`labels.txt` names the scores, one a line." if request.labels else "The model has no class names.",
    )


def _row(kind: str, spec: IoSpec) -> str:
    scale = "" if spec.scale is None else f"real = (stored - {spec.zero_point}) * {spec.scale!r}"
    shape = " x ".join(str(size) for size in spec.shape)
    return f"| {kind.removesuffix('s')} | `{spec.name}` | {spec.dtype} | {shape} | {spec.layout} | {scale} |"


def _identifier(spec: IoSpec) -> str:
    word = "".join(character if character.isalnum() else "_" for character in spec.name)
    return f"`{word}`" if word[:1].isdigit() else word


def _array(spec: IoSpec) -> str:
    if spec.dtype not in KOTLIN_ARRAYS:
        msg = f"input {spec.name!r} is {spec.dtype}, which the Android binding of ExecuTorch cannot make from an array"
        raise ConfigError(msg, remedy=f"export with one of {', '.join(KOTLIN_ARRAYS)} for inputs")
    return KOTLIN_ARRAYS[spec.dtype]


def _tensor(spec: IoSpec) -> str:
    maker = "fromBlobUnsigned" if spec.dtype == "uint8" else "fromBlob"
    return f"Tensor.{maker}({_identifier(spec)}, longArrayOf({', '.join(f'{size}L' for size in spec.shape)}))"


PACKAGERS.register("android")(
    Packager("assets for an Android app, with the Kotlin lines that load them", version=1, run=pack)
)
