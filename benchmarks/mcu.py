"""Models compiled to C, run on every emulated core: instructions, memory, and whether each output is TFLite Micro's.

Without arguments: two models of MLPerf Tiny, in `mlperf-tiny/` of the folder that EDGEBUILD_DATA names; with arguments:
those files.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from measuring.results import Result, publish

from edgebuild.bench.firmware.figures import cycle_estimate
from edgebuild.bench.firmware.run import FirmwareRun, run_firmware
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import CENSUSES
from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model
from edgebuild.runtime.tflite_micro import reference_outputs

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EDGEBUILD_DATA", ROOT.parent / "shared" / "data"))

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")
SPREADS = (1.0, 0.5, 0.25, 0.125, 0.03, 0.0)
"""Random inputs of each of these shares of the range of their type, around its middle; then the two ends of it."""
SAMPLES = len(SPREADS) + 2

TFLM: dict[str, dict[str, float]] = {
    "kws_ref_model": {"cortex-m4": 7.70e6, "cortex-m7": 7.64e6, "cortex-m33": 7.68e6, "cortex-m55": 1.81e6},
    "vww_96_int8": {"cortex-m4": 24.1e6, "cortex-m7": 24.0e6, "cortex-m33": 24.0e6, "cortex-m55": 6.56e6},
}
"""Instructions of TFLite Micro with CMSIS-NN on the same emulated cores."""
SHARE = {"cortex-m4": 0.65, "cortex-m7": 0.65, "cortex-m33": 0.65, "cortex-m55": 0.75}
ARENA = {"kws_ref_model": 17_500, "vww_96_int8": 66_000}
FLASH_OVER_WEIGHTS = 12 * 1024
STACK = 256
COMPILE_SECONDS, RUN_SECONDS = 10.0, 5.0


@dataclass(frozen=True)
class Measured:
    """One model on one core."""

    model: str
    core: str
    compiled: CompiledModel
    run: FirmwareRun
    exact: int
    file_weights: int
    compile_seconds: float
    run_seconds: float


def main() -> None:
    """Compile and run every model for every core."""
    files = [Path(name) for name in sys.argv[1:]] or [DATA / "mlperf-tiny" / f"{name}.tflite" for name in TFLM]
    if not all(file.exists() for file in files):
        print("mcu: no models; name .tflite files, or the folder that has mlperf-tiny/ in EDGEBUILD_DATA")
        return
    measured = [measure(file, core) for file in files for core in CORES]
    publish(
        "mcu",
        "Models compiled to C on emulated microcontrollers",
        f"Each model compiled for each core with gcc -O2 and run in QEMU on {SAMPLES} inputs (random ones of several "
        "widths, and the two extremes); instructions are counted from the entry of the model's function to its return, "
        "and are those of the first input. Exact: outputs equal, byte for byte, to those of TFLite Micro's interpreter "
        "on this host. Flash is the model's code, constants and library functions, without a start; promised are the "
        "file's weights and 12 KiB. Cycles are those estimated for any part with that core. Promised instructions: "
        f"0.65 (M55: 0.75) times those of TFLite Micro with CMSIS-NN. {tools_of(measured)}.",
        [line for one in measured for line in lines_of(one)],
    )


def measure(file: Path, core: str) -> Measured:
    """Compile, build, run and compare."""
    data = file.read_bytes()
    start = time.perf_counter()
    compiled = compile_model(data, file.name, CompileOptions(prefix="model", core=core))
    compile_seconds = time.perf_counter() - start
    samples = samples_of(compiled)
    inputs = [[part.tobytes() for part in sample] for sample in samples]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = run_firmware(
            compiled.files, "model", load_device(f"{core}-emulated", ROOT), inputs, folder=Path(folder) / "firmware"
        )
        run_seconds = time.perf_counter() - start
    exact = sum(
        ours == theirs
        for ours, theirs in zip(run.outputs, reference_outputs(data, samples, len(compiled.outputs)), strict=True)
    )
    return Measured(file.stem, core, compiled, run, exact, weights_of(file), compile_seconds, run_seconds)


def tools_of(measured: Sequence[Measured]) -> str:
    """Every compiler and emulator that took part, and the interpreter."""
    compilers = sorted({one.run.firmware.compiler for one in measured})
    emulators = sorted({one.run.emulator.partition(",")[0] for one in measured})
    return f"Tools: {', '.join([*compilers, *emulators])}, tflite-micro {metadata.version('tflite-micro')}"


def weights_of(file: Path) -> int:
    """Bytes of the weights and biases in the file."""
    census = CENSUSES.get("tflite").read(file)
    return sum(tensor.bytes for tensor in census.tensors if tensor.role in ("weight", "bias"))


def samples_of(compiled: CompiledModel) -> list[list[np.ndarray]]:
    """Inputs of the model: one sample per spread, one of lowest and one of highest values."""
    chance = np.random.default_rng(0)
    samples = []
    for low_share, high_share in [(0.5 - spread / 2, 0.5 + spread / 2) for spread in SPREADS] + [(0, 0), (1, 1)]:
        sample = []
        for port in compiled.inputs:
            limits = np.iinfo(np.dtype(port.dtype))
            low, high = (round(limits.min + share * (limits.max - limits.min)) for share in (low_share, high_share))
            sample.append(chance.integers(low, high, size=port.shape, dtype=port.dtype, endpoint=True))
        samples.append(sample)
    return samples


def lines_of(one: Measured) -> list[Result]:
    """The lines of the table, the promises on the last ones."""
    name = f"{one.model} {one.core}"
    cycles = cycle_estimate(one.run)
    share, base = SHARE.get(one.core), TFLM.get(one.model, {}).get(one.core)
    limit = share * base / 1e6 if share and base else None
    times = f", {one.run.instructions / base:.3f} of TFLite Micro" if base else ""
    spread = f"estimated {cycles.middle / 1e6:.3g} [{cycles.low / 1e6:.3g}, {cycles.high / 1e6:.3g}] Mcycles{times}"
    flash = one.run.firmware.flash
    kept = one.compiled.weight_bytes
    return [
        Result(f"{name}: instructions", one.run.instructions / 1e6, "M", limit, spread),
        Result(f"{name}: inexact outputs", SAMPLES - one.exact, "", 0, f"of {SAMPLES}"),
        Result(
            f"{name}: arena",
            one.run.firmware.ram.arena,
            "B",
            ARENA.get(one.model),
            f"lower bound {one.compiled.arena_lower_bound} B",
        ),
        Result(
            f"{name}: flash",
            one.run.flash_bytes,
            "B",
            one.file_weights + FLASH_OVER_WEIGHTS,
            f"code {flash.model_code}, weights {kept} of the file's {one.file_weights}, other constants "
            f"{flash.model_constants - kept}, library {flash.library}",
        ),
        Result(f"{name}: stack", one.run.stack_bytes, "B", STACK),
        Result(f"{name}: compile to C", round(one.compile_seconds, 2), "s", COMPILE_SECONDS),
        Result(f"{name}: gcc and emulated run", round(one.run_seconds, 2), "s", RUN_SECONDS, f"{SAMPLES} inferences"),
    ]


if __name__ == "__main__":
    main()
