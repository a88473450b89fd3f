#!/usr/bin/env python3
"""Run the model of this folder on the board: `python3 run.py image.npy`.

Needs Python 3.9 or newer, numpy, and one runtime: `pip install ai-edge-litert` on a 64-bit system, or
`pip install tflite-runtime "numpy<2"` on a 32-bit one. Everything else it reads from manifest.json beside it.

Each argument is a .npy file for one input of the model, in the order and layout of the manifest, with or without the
batch dimension. Float arrays are quantized as the file wants them; arrays that already have the file's dtype are fed
as they are. With --raw, the values are raw (pixels, say) and are normalised first, as in training.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


def load_interpreter(model: Path, threads: int) -> Any:
    """Return an interpreter of whichever runtime is installed, with its tensors allocated."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            sys.exit(
                "error: no runtime found\n  -> pip install ai-edge-litert, or on 32 bit: pip install tflite-runtime"
            )
    interpreter = Interpreter(model_path=str(model), num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def normalise(values: np.ndarray, spec: dict[str, Any], normalization: dict[str, Any]) -> np.ndarray:
    """Return (values * scale - mean) / std, per channel where mean and std have several values."""
    rule = normalization.get(spec["name"])
    if rule is None:
        sys.exit(f"error: manifest.json knows no normalisation of input {spec['name']!r}\n  -> leave out --raw")
    shape = [1] * len(spec["shape"])
    if len(spec["shape"]) == 4:
        shape[3 if spec["layout"] == "nhwc" else 1] = -1
    mean = np.asarray(rule["mean"] or [0.0], np.float32)
    std = np.asarray(rule["std"] or [1.0], np.float32)
    mean = mean.reshape(shape) if mean.size > 1 else mean
    std = std.reshape(shape) if std.size > 1 else std
    normalised: np.ndarray = (values.astype(np.float32) * rule["scale"] - mean) / std
    return normalised


def prepare(path: Path, spec: dict[str, Any], manifest: dict[str, Any], raw: bool) -> np.ndarray:
    """Load one input and return it with the shape and dtype of the file."""
    values: np.ndarray = np.load(path)
    if values.ndim == len(spec["shape"]) - 1:
        values = values[None]
    if list(values.shape) != list(spec["shape"]):
        sys.exit(f"error: {path}: shape {values.shape}, but input {spec['name']!r} is {tuple(spec['shape'])}")
    if raw:
        values = normalise(values, spec, manifest.get("normalization", {}))
    dtype = np.dtype(spec["dtype"])
    if values.dtype == dtype:
        return values
    if spec["scale"] is None:
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    stored = np.round(values.astype(np.float64) / spec["scale"]) + spec["zero_point"]
    clipped: np.ndarray = np.clip(stored, limits.min, limits.max).astype(dtype)
    return clipped


def real_values(stored: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """Return an output of the file as float32."""
    values = stored.astype(np.float64)
    if spec["scale"] is not None:
        values = (values - spec["zero_point"]) * spec["scale"]
    return values.astype(np.float32)


def tensor_indices(interpreter: Any, specs: list[dict[str, Any]], kind: str) -> list[int]:
    """Return where the file holds each input or output: by name where it has a signature, else in its own order."""
    if interpreter.get_signature_list():
        signature = interpreter.get_signature_runner()
        named = signature.get_input_details() if kind == "inputs" else signature.get_output_details()
        if all(spec["name"] in named for spec in specs):
            return [named[spec["name"]]["index"] for spec in specs]
    details = interpreter.get_input_details() if kind == "inputs" else interpreter.get_output_details()
    return [detail["index"] for detail in details]


def infer(interpreter: Any, feed: list[np.ndarray], face: dict[str, Any]) -> tuple[list[np.ndarray], float]:
    """Run once; `feed` and the result are in the order of the manifest."""
    for index, values in zip(tensor_indices(interpreter, face["inputs"], "inputs"), feed):
        interpreter.set_tensor(index, values)
    start = time.perf_counter()
    interpreter.invoke()
    seconds = time.perf_counter() - start
    return [interpreter.get_tensor(i) for i in tensor_indices(interpreter, face["outputs"], "outputs")], seconds


def show(name: str, values: np.ndarray, labels: list[str], top: int) -> None:
    """Print one output: the best classes where it is a row of class scores, else its shape and range."""
    scores = values.reshape(-1)
    if not labels or scores.size != len(labels):
        print(f"{name}: {values.shape}, {scores.min():.6g} to {scores.max():.6g}")
        return
    for index in np.argsort(-scores, kind="stable")[:top]:
        print(f"{labels[index]:20} {scores[index]:.6g}")


def main() -> None:
    """Run once and print what came out, and how long the second run took."""
    parser = argparse.ArgumentParser(description="Run the model of this folder.")
    parser.add_argument("inputs", nargs="+", type=Path, help=".npy file of each input, in the order of manifest.json")
    parser.add_argument("--raw", action="store_true", help="normalise the values first, as in training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--top", type=int, default=3, help="how many classes to print")
    parser.add_argument("--save", type=Path, help="write the outputs to this .npz file, as real numbers")
    options = parser.parse_args()

    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    face = manifest["interface"]
    if len(options.inputs) != len(face["inputs"]):
        names = ", ".join(spec["name"] for spec in face["inputs"])
        sys.exit(f"error: {len(options.inputs)} files given, but the model has {len(face['inputs'])} inputs: {names}")
    interpreter = load_interpreter(HERE / face["file"], options.threads)
    feed = [prepare(path, spec, manifest, options.raw) for path, spec in zip(options.inputs, face["inputs"])]

    infer(interpreter, feed, face)
    stored, seconds = infer(interpreter, feed, face)
    outputs: dict[str, Any] = {spec["name"]: real_values(values, spec) for values, spec in zip(stored, face["outputs"])}
    for name, values in outputs.items():
        show(name, values, manifest["labels"], options.top)
    print(f"{seconds * 1000:.3f} ms (second run, {options.threads} thread)")
    if options.save:
        np.savez(options.save, **outputs)


if __name__ == "__main__":
    main()
