"""An export format: turns a model folder into one file for a runtime, and says what it promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgebuild.config.parameters import Parameters
from edgebuild.progress import ProgressSink

Dtype = Literal[
    "fp32", "fp16", "int8", "int8-dynamic", "int8-weight-only", "int4-dynamic", "int4-weight-only", "int16x8"
]
"""What a profile may ask for. `int8` is static and full-integer; `int16x8` has int16 activations and int8 weights.

`int4-…` has 4-bit weights wherever the runtime has a kernel for them, and is as `int8-…` elsewhere.
"""

Layout = Literal["nchw", "nhwc"]


@dataclass(frozen=True)
class IoSpec:
    """One input or output of the exported file as its caller must feed or read it.

    Attributes:
        name: the user's name for it; the file carries the same name where the format can.
        shape: with the batch dimension, in `layout`.
        dtype: `float32`, `float16`, `int8`, `uint8`, `int16`, `int32` or `int64`.
        layout: of 4-D tensors; the same as the PyTorch model's (`nchw`) for all others.
        scale, zero_point: real = (stored - zero_point) * scale; None for float tensors.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: Layout = "nchw"
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class ExportRecord:
    """What export.json of an export artifact holds; the file lies beside it.

    Attributes:
        file: name of the exported file in the folder, `model.tflite` or `model.pte`.
        layers: names of the user's layers that the file should contain, in forward order.
        tools: distribution -> version that made the file.
        extra: what this format alone has to say.
    """

    format: str
    dtype: Dtype
    file: str
    layout: Layout
    inputs: tuple[IoSpec, ...]
    outputs: tuple[IoSpec, ...]
    layers: tuple[str, ...] = ()
    tools: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write export.json into `folder`."""
        (folder / "export.json").write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def read_export(folder: Path) -> ExportRecord:
    """Read export.json of an export artifact."""
    raw = json.loads((folder / "export.json").read_text())
    for key in ("inputs", "outputs"):
        raw[key] = tuple(IoSpec(**{**item, "shape": tuple(item["shape"])}) for item in raw[key])
    raw["layers"] = tuple(raw["layers"])
    return ExportRecord(**raw)


@dataclass(frozen=True)
class ExportRequest:
    """What a format gets to work with.

    Attributes:
        model: model folder; its record's `quantization` and `calibration.*.npy` are there if the plan quantizes.
        data: data folder; shapes, names, classes and normalisation of the inputs.
        output: empty folder to fill with the file and export.json.
        project_root: folder of edgebuild.yaml, on sys.path.
        dtype, io, layout: as the profile's `export:` says; io is `float32`, `float16`, `int8`, `uint8` or `int16`.
        options: the format's own options, validated by its parameter table.
        hardware: those facts of the profile's `hardware:` that the format asks for, where the profile states them.
        source: folder of the file that the format `compiles`, of the same model and numbers; None for all others.
    """

    model: Path
    data: Path
    output: Path
    project_root: Path
    dtype: Dtype
    io: str
    layout: Layout
    options: Mapping[str, Any]
    seed: int
    progress: ProgressSink
    hardware: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = None


@dataclass(frozen=True)
class ExportFormat:
    """One format; registered in FORMATS under the name a profile uses (`tflite`, `executorch`).

    Attributes:
        title: one line for docs.
        suffix: of the file, with the dot.
        dtypes: dtype -> I/O types it can have.
        options: typed table of the format's own options.
        version: raise it when the same request gives another file.
        sources: parts of this package, like `export/c`, whose every change counts as one of the version.
        compiles: the format whose file it is made from; that file is exported by a stage of its own, once for all
            targets that want the same.
        tools: distributions whose versions the file depends on.
        runtime: name in RUNTIMES of the runtime that runs it on this host.
        run: fills `request.output`.
        layer_error: (request, exported file, samples) -> how far each layer is from float; runs the real kernels.
        hardware: keys of the profile's `hardware:` that the file depends on.
        float_format: the format in which the uncompressed model is exported to compare with; its own where None.
        all_integer: has no operation in floating point, so that no layer of a quantized model may stay in it.
        float_finding: code of the finding that a layer in floating point is bound to give in a quantized model, so that
            a profile whose plan leaves one must allow it; empty where such layers have a place.
        device_stage: kind of the stage that runs the file on the profile's device, where that is not this host; it
            takes the place of the benchmark on the host.
        objects_to: (options, dtype, names of the runtimes that must take the file) -> the option that cannot be, and
            why; None where all is well.
    """

    title: str
    suffix: str
    dtypes: Mapping[Dtype, tuple[str, ...]]
    options: type[Parameters]
    version: int
    tools: tuple[str, ...]
    runtime: str
    run: Callable[[ExportRequest], None]
    layer_error: Callable[[ExportRequest, Path, int], list[LayerError]]
    sources: tuple[str, ...] = ()
    compiles: str | None = None
    hardware: tuple[str, ...] = ()
    float_format: str | None = None
    all_integer: bool = False
    float_finding: str = ""
    device_stage: str | None = None
    objects_to: Callable[[Mapping[str, Any], str, tuple[str, ...]], tuple[str, str] | None] = (
        lambda _options, _dtype, _runtimes: None
    )


@dataclass(frozen=True)
class LayerError:
    """How far one layer's output in the exported file is from the float model's, on the same inputs.

    Attributes:
        layer: dotted name in the user's model.
        sqnr_db: 10 log10(sum(float^2) / sum((float - file)^2)); infinite where equal.
        kernel: operation of the file that made it.
        samples: how many inputs it was taken over.
    """

    layer: str
    sqnr_db: float
    kernel: str
    samples: int
