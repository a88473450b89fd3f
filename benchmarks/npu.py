"""What the accelerator targets make of models of others and of the examples.

Models of others: the full-integer ones of MLPerf Tiny, in `mlperf-tiny/` of the folder that EDGEBUILD_DATA names; each
is compiled for every accelerator by `edgebuild compile`. The examples are built by `edgebuild build`, the letters with
EDGEBUILD_DATA only (`emnist-letters/emnist_letters.npz`) and trained on few of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring.demo import fresh_project
from measuring.results import Result, Table, publish

from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.registries import ACCELERATORS

DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MODELS = ("kws_ref_model.tflite", "vww_96_int8.tflite")
LETTERS = DATA / "emnist-letters" / "emnist_letters.npz"
TARGETS = ("edge-tpu", "ethos-u55-128", "ethos-u55-128-executorch")
CHECK_SECONDS = 2.0
FEWER = (("train_samples: 13000", "train_samples: 2600"), ("validation_samples: 5200", "validation_samples: 520"))
SHORTER = ("epochs: 6", "epochs: 2")


def main() -> None:
    """Compile, check and build all of it, and say what came out."""
    files = [DATA / "mlperf-tiny" / name for name in MODELS]
    if not all(file.exists() for file in files):
        print("npu: nothing to compile; EDGEBUILD_DATA names the folder that has mlperf-tiny/*.tflite")
        return
    targets = [name for name in shipped_targets() if _compiles_files(name)]
    compiled = [compile_model(file, target) for file in files for target in targets]
    every = sorted((DATA / "mlperf-tiny").glob("*.tflite"))
    built = [build_example("digits", "examples/digits")]
    if LETTERS.exists():
        built.append(build_example("letters", "examples/letters"))
    facts = [target for one in built for target in one]
    publish(
        "npu",
        "Models and examples on the accelerator targets",
        "Nothing ran on an accelerator. Edge TPU: offline check and estimate; Ethos-U: compiled by Vela, and its "
        "estimates; ethos-u55-128-executorch: outputs of the TOSA reference model, compared number by number with "
        "PyTorch's quantized graph. The letters are trained on 2,600 of them for 2 epochs, to show the way, not the "
        "accuracy.",
        [
            Result(
                "models that do not compile as a whole", _failed(compiled), "models", 0, f"{len(compiled)} compiled"
            ),
            Result("example targets that fail", _failed(facts), "targets", 0, f"{len(facts)} built"),
            Result("offline check of a .tflite, slowest", slowest(every), "s", CHECK_SECONDS, f"{len(every)} files"),
        ],
        [
            Table(
                "Models of MLPerf Tiny",
                ("model", "target", "passed", "ms", "ram B", "flash B", "cpu s"),
                _rows(compiled),
            ),
            Table(
                "Examples",
                ("example", "target", "verdict", "accuracy %", "drop", "ms estimated", "int8 outputs equal %"),
                [[*one["row"]] for one in facts],
            ),
        ],
    )


def _compiles_files(name: str) -> bool:
    """Whether a profile is one of an accelerator that takes .tflite files."""
    target = load_target(name)
    return target.hardware.accelerator in ACCELERATORS and target.export.format == "tflite"


def compile_model(file: Path, target: str) -> dict[str, Any]:
    """What `edgebuild compile --json` says of a file, with its processor time."""
    before = os.times()
    with tempfile.TemporaryDirectory() as folder:
        done = run("compile", str(file), "-t", target, "-o", str(Path(folder) / "out"), "--json")
    after = os.times()
    facts: dict[str, Any] = json.loads(done.stdout)
    seconds = sum(after[2:4]) - sum(before[2:4])
    return {**facts, "model": file.stem, "target": target, "failed": done.returncode != 0, "seconds": seconds}


def build_example(name: str, example: str) -> list[dict[str, Any]]:
    """Build an example for the targets; one record each."""
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder), name, example)
        file = project / "edgebuild.yaml"
        text = file.read_text()
        for old, new in (*FEWER, SHORTER) if name == "letters" else ():
            assert old in text, f"examples/letters says {old}"
            text = text.replace(old, new)
        file.write_text(text)
        chosen = [part for target in TARGETS for part in ("-t", target)]
        done = run("build", *chosen, "--json", folder=project)
        facts = json.loads(done.stdout)["facts"]["targets"]
    return [{"failed": one["status"] != "ok", "row": _example_row(name, one)} for one in facts]


def _example_row(name: str, target: dict[str, Any]) -> list[str | float | None]:
    figures = {figure["name"]: figure["value"] for figure in target["figures"]}
    wanted = ("accuracy", "accuracy_drop", "latency", "graph_equal_outputs")
    return [name, target["name"], target["status"], *(figures.get(key) for key in wanted)]


def _rows(compiled: list[dict[str, Any]]) -> list[list[str | float | None]]:
    rows: list[list[str | float | None]] = []
    for one in compiled:
        figures = {figure["name"]: figure["value"] for figure in one["report"]["figures"]}
        cells = [figures.get(key) for key in ("latency", "ram", "flash")]
        rows.append([one["model"], one["target"], "yes" if one["passed"] else "no", *cells, one["seconds"]])
    return rows


def _failed(records: list[dict[str, Any]]) -> int:
    return sum(bool(record["failed"]) for record in records)


def slowest(files: list[Path]) -> float:
    """Processor seconds of the slowest offline check for an Edge TPU."""
    worst = 0.0
    for file in files:
        start = time.process_time()
        ACCELERATORS.get("edge-tpu").judge(JudgeRequest(file)).to_json()
        worst = max(worst, time.process_time() - start)
    return worst


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run edgebuild; exit code 1, which is a result, is for the caller to see."""
    environment = {**os.environ, "EDGEBUILD_LETTERS": str(LETTERS)}
    command = [sys.executable, "-m", "edgebuild.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode not in (0, 1):
        sys.exit(f"edgebuild {' '.join(arguments)} failed with exit code {done.returncode}:\n{done.stderr[-4000:]}")
    return done


if __name__ == "__main__":
    main()
