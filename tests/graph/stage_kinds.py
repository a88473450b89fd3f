"""Small real stage kinds: they read files, run the project's code, and write files, as the big ones do."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

from edgebuild.config.registries import STAGES
from edgebuild.errors import ConfigError
from edgebuild.graph.stage import StageContext, StageKind


def run_source(context: StageContext) -> None:
    """Copy the file `source`, upper case, and a block of bytes that takes a moment to hash."""
    text = (context.project_root / context.stage.files["source"]).read_text()
    (context.output / "out.txt").write_text(text.strip().upper())
    (context.output / "parts").mkdir()
    (context.output / "parts" / "block.bin").write_bytes(bytes(range(256)) * 400)


def run_compute(context: StageContext) -> None:
    """Call the project's function on the inputs' texts."""
    params = context.stage.params
    texts = [(context.inputs[role] / "out.txt").read_text() for role in sorted(context.inputs)]
    for step in range(10):
        time.sleep(params.get("sleep", 0.0) / 10)
        context.progress.update((step + 1) / 10, "working")
    module, _, name = context.stage.code[0].partition(":")
    function = getattr(importlib.import_module(module), name)
    result = function(*texts)
    (context.output / "out.txt").write_text(f"{result} scale={params.get('scale')} seed={context.stage.seed}")


def run_join(context: StageContext) -> None:
    """Join the inputs' texts; without code, so that only inputs and parameters decide."""
    texts = [(context.inputs[role] / "out.txt").read_text() for role in sorted(context.inputs)]
    sys.stdout.write(f"joining {len(texts)}\n")
    os.write(1, b"as a C library prints\n")
    time.sleep(context.stage.params.get("sleep", 0.0))
    (context.output / "out.txt").write_text("+".join(texts) + context.stage.params.get("suffix", ""))


def run_length(context: StageContext) -> None:
    """Write only the length of the first word: many inputs give the same bytes."""
    text = (context.inputs["text"] / "out.txt").read_text()
    (context.output / "out.txt").write_text(str(len(text.split()[0])))


def run_trouble(context: StageContext) -> None:
    """Fail the way `how` says, after half of the output is written."""
    (context.output / "half.txt").write_text("half")
    how = context.stage.params["how"]
    sys.stdout.write(f"about to fail: {how}\n")
    sys.stdout.flush()
    if how in ("SIGKILL", "SIGSEGV"):
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(60)
    if how == "config":
        msg = "the data is empty"
        raise ConfigError(msg, remedy="give it some")
    if how == "bug":
        msg = "index out of the blue"
        raise ValueError(msg)
    if how == "exit":
        sys.exit(7)
    if how == "fill the disk":
        with (context.output / "big.bin").open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()


def run_environment(context: StageContext) -> None:
    """Write what the worker's numerical libraries see."""
    (context.output / "out.txt").write_text(f"{os.environ['OMP_NUM_THREADS']} {os.getpid()}")


def run_timeline(context: StageContext) -> None:
    """Write when it ran; not a pure stage, and never asked to be reproducible."""
    started = time.monotonic()
    time.sleep(0.2)
    (context.output / "times.txt").write_text(f"{started} {time.monotonic()}")


def gate_of_length(artifact: Path) -> str | None:
    """Nothing may follow a word that is longer than eight."""
    length = int((artifact / "out.txt").read_text())
    return f"the word has {length} letters, more than 8" if length > 8 else None


STAGES.register("test-source")(StageKind(1, run_source))
STAGES.register("test-compute")(StageKind(1, run_compute, tools=lambda params: tuple(params.get("tools", ()))))
STAGES.register("test-join")(StageKind(1, run_join))
STAGES.register("test-length")(StageKind(1, run_length, gate=gate_of_length))
STAGES.register("test-trouble")(StageKind(1, run_trouble))
STAGES.register("test-environment")(StageKind(1, run_environment))
STAGES.register("test-timeline")(StageKind(1, run_timeline))
STAGES.register("test-exclusive")(StageKind(1, run_timeline, platform=True, exclusive=True))
