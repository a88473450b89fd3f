"""Real exported files for the tests of the checks: through the exporters, or made faulty on purpose."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.config.registries import CENSUSES, FORMATS, RULES
from edgebuild.export.format import ExportRecord, ExportRequest, read_export
from edgebuild.export.tflite.convert import FloatModel
from edgebuild.export.tflite.format import export_converted
from edgebuild.export.tflite.source import float_model
from edgebuild.model.load import build_factory, factory_source, write_model_folder
from edgebuild.model.model_folder import ModelRecord
from edgebuild.progress import Silent

HERE = Path(__file__).parent
SHAPE = (3, 8, 8)
_KINDS = {
    "int8": "static",
    "int16x8": "static",
    "int8-dynamic": "dynamic",
    "int8-weight-only": "weight_only",
    "fp16": "float16",
}

_CONVERTED: dict[tuple[str, str], FloatModel] = {}

LITERT = RuntimeVersion("litert", "2.3.0")
OLD_PI = RuntimeVersion("tflite-runtime", "2.14.0")
EDGE_TPU = RuntimeVersion("edgetpu-compiler", "16")
EXECUTORCH = RuntimeVersion("executorch", "1.5.1")


@dataclass(frozen=True)
class File:
    """One exported file with its census."""

    path: Path
    census: Census
    record: ExportRecord

    @property
    def layers(self) -> tuple[str, ...]:
        return self.record.layers

    def findings(self, code: str, promise: Promise) -> list[Finding]:
        """What the rule `code` finds in this file."""
        return list(RULES.get(code).check(self.census, promise, self.layers))

    def with_bytes(self, data: bytes) -> File:
        """Another file in the place of this one, read again."""
        self.path.with_name("other.tflite").write_bytes(data)
        return replace(self, census=read(self.path.with_name("other.tflite")))


def promise(format_: str, dtype: str, **changes: Any) -> Promise:
    """What a usual profile promises of such a file."""
    tflite = format_ == "tflite"
    integer = tflite and dtype in ("int8", "int16x8")
    usual = Promise(
        target="bench",
        format=format_,
        dtype=dtype,
        io={"int8": "int8", "int16x8": "int16"}[dtype] if integer else "float32",
        layout="nhwc" if tflite else "nchw",
        runtime=LITERT if tflite else EXECUTORCH,
        oldest=OLD_PI if tflite else EXECUTORCH,
        input_names=("image",),
        output_names=("scores",),
        input_shapes=((1, *SHAPE),),
    )
    return replace(usual, **changes)


def samples(count: int = 8) -> np.ndarray:
    """Inputs [count, 3, 8, 8], the same every time."""
    return np.random.default_rng(0).standard_normal((count, *SHAPE)).astype(np.float32)


def read(path: Path) -> Census:
    census: Census = CENSUSES.get(path.suffix.removeprefix(".")).read(path)
    return census


def export(root: Path, factory: str, format_: str, dtype: Any, **choices: Any) -> File:
    """Export a network of `nets`; `choices` are io, layout, granularity and options."""
    folders = {part: root / part for part in ("model", "data", "output")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    source = factory_source(f"nets:{factory}", {})
    scheme = (
        {"kind": _KINDS[dtype], "granularity": choices.get("granularity", "per_channel")} if dtype in _KINDS else None
    )
    if scheme is not None:
        scheme["activations"] = "int16" if dtype == "int16x8" else "int8"
    record = ModelRecord(source, ("image",), ("scores",), quantization=scheme)
    write_model_folder(folders["model"], record, build_factory(source, HERE, seed=3))
    np.save(folders["model"] / "calibration.image.npy", samples())
    spec = {"name": "image", "shape": SHAPE, "dtype": "float32", "scale": 1.0, "mean": [], "std": []}
    (folders["data"] / "data.json").write_text(json.dumps({"inputs": [spec], "lengths": {}, "classes": []}))
    usual = promise(format_, dtype)
    _run(
        format_,
        ExportRequest(
            model=folders["model"],
            data=folders["data"],
            output=folders["output"],
            project_root=HERE,
            dtype=dtype,
            io=choices.get("io", usual.io),
            layout=choices.get("layout", usual.layout),
            options=choices.get("options", {}),
            seed=0,
            progress=Silent(),
        ),
        factory,
    )
    exported = read_export(folders["output"])
    path = folders["output"] / exported.file
    return File(path, read(path), exported)


def _run(format_: str, request: ExportRequest, factory: str) -> None:
    """Export; the conversion to .tflite, which is the same for every dtype, is done once a network and layout."""
    if format_ != "tflite":
        FORMATS.get(format_).run(request)
        return
    key = (factory, request.layout)
    if key not in _CONVERTED:
        _CONVERTED[key] = float_model(request)
    export_converted(request, _CONVERTED[key])


def leave_float(source: File, layer: str) -> bytes:
    """Static int8 of a float .tflite with one layer left in float32: what a scope that misses a layer does."""
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    from edgebuild.runtime.litert_flatbuffer import parse_model
    from edgebuild.runtime.litert_quiet import quiet

    data = source.path.read_bytes()
    key = parse_model(data, "source").signatureDefs[0].signatureKey.decode()
    with quiet("ai_edge_quantizer"):
        maker = quantizer.Quantizer(bytearray(data))
        every = qtyping.TFLOperationName.ALL_SUPPORTED
        maker.add_static_config(".*", every, activation_num_bits=8, weight_num_bits=8)
        maker.update_quantization_recipe(f".*{layer}.*", every, algorithm_key=AlgorithmName.NO_QUANTIZE)
        feed = [{"image": image[None]} for image in samples().transpose(0, 2, 3, 1)]
        return bytes(maker.quantize(maker.calibrate({key: feed})).quantized_model)


def with_first_dimension(source: File, size: int) -> bytes:
    """The same .tflite, saying that its input's first dimension is `size`; -1 for one that is not known."""
    from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

    model = parse_model(source.path.read_bytes(), "source")
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.inputs[0]]
    tensor.shape = np.array([size, *tensor.shape[1:]], np.int32)
    return bytes(serialize_model(model))


def with_version(source: File, operation: str, version: int) -> bytes:
    """The same .tflite, saying that it needs `operation` in `version`."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

    model = parse_model(source.path.read_bytes(), "source")
    for code in model.operatorCodes:
        if code.builtinCode == getattr(BuiltinOperator, operation):
            code.version = version
    return bytes(serialize_model(model))
