"""`edgebuild compile`: a full-integer .tflite as a C library for a microcontroller, or for an accelerator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    from edgebuild.export.tflite.accelerated import AcceleratedTarget


def compile_file(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file, ours or anybody's.")],
    target: Annotated[
        str,
        typer.Option(
            "--target", "-t", help="A profile (name or path), a core (cortex-m4, …) or an accelerator (edge-tpu, …)."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the files; default: MODEL-TARGET here.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", help="What every public name in the C files begins with.")
    ] = "model",
    run: Annotated[
        bool, typer.Option("--run", help="Run it on the emulated core: count, compare, choose kernels by counting.")
    ] = False,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", metavar="FILE.npy", help="Samples for --run, one file per input; default: random ones."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile an int8 model: to C (model.c, model.h, a CMake project, an example), or for an accelerator.

    Exit code 1 with --run if an output differs from TFLite Micro's or the firmware does not fit the part; for an
    accelerator if an operation stays on the CPU or a budget of the profile is missed.
    """
    from edgebuild.export.c.deliver import read_model_bytes
    from edgebuild.export.tflite.accelerated import accelerated_target

    data = read_model_bytes(model)
    folder = output if output is not None else Path(f"{model.stem}-{Path(target).stem}")
    about = {"model": str(model), "target": target, "folder": str(folder)}
    accelerated = accelerated_target(target)
    if accelerated is not None:
        if run or inputs:
            msg = f"--run and --input are for a target that is compiled to C, found {target!r}"
            raise ConfigError(msg, remedy="leave them out; `edgebuild inspect FILE` says what the file takes")
        _accelerate(data, about, accelerated, as_json)
    elif run or inputs:
        _run(data, about, prefix, inputs or [], as_json)
    else:
        _compile(data, about, prefix, as_json)


def _accelerate(data: bytes, about: dict[str, str], target: AcceleratedTarget, as_json: bool) -> None:
    from rich.console import Console

    from edgebuild.export.tflite.accelerated import compile_accelerated
    from edgebuild.export.tflite.describe import describe_accelerated

    compiled = compile_accelerated(Path(about["model"]), data, target, Path(about["folder"]))
    facts = {**about, **compiled.to_json()}
    emit(facts, as_json, lambda: Console().print(describe_accelerated(compiled, about["folder"]), soft_wrap=True))
    if not compiled.passed:
        raise typer.Exit(1)


def _compile(data: bytes, about: dict[str, str], prefix: str, as_json: bool) -> None:
    from edgebuild.export.c.compile import compile_model
    from edgebuild.export.c.deliver import target_options
    from edgebuild.export.c.describe import compiled_facts
    from edgebuild.export.c.library import write_sources

    compiled = compile_model(data, Path(about["model"]).name, target_options(about["target"], prefix))
    write_sources(Path(about["folder"]), compiled)
    facts = {**about, **compiled_facts(compiled)}
    emit(facts, as_json, lambda: _render(facts))


def _run(data: bytes, about: dict[str, str], prefix: str, inputs: list[Path], as_json: bool) -> None:
    from edgebuild.bench.firmware.standalone import run_facts, run_file
    from edgebuild.export.c.describe import compiled_facts

    measured = run_file(data, Path(about["model"]).name, about["target"], prefix, inputs, Path(about["folder"]))
    facts = {**about, **compiled_facts(measured.choice.compiled), **run_facts(measured)}
    emit(facts, as_json, lambda: _render(facts))
    if not measured.exact:
        raise typer.Exit(1)


def _render(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    ran = "instructions" in facts
    columns = ["layer", "operation", "kernel", "output", "MACs", *(["instructions"] if ran else [])]
    for column in columns:
        table.add_column(column, justify="right" if column in ("MACs", "instructions") else "left", overflow="fold")
    for layer in facts["layers"]:
        shape = "x".join(map(str, layer["output_shape"]))
        cells = [layer["symbol"], layer["op"], layer["kernel"], shape, f"{layer['macs']:,}"]
        table.add_row(*cells, *([f"{layer['instructions']:,}"] if ran else []))
    console.print(table)
    console.print(
        f"arena {facts['arena_bytes']:,} B (no plan below {facts['arena_lower_bound']:,} B), "
        f"weights {facts['weight_bytes']:,} B, tables {facts['table_bytes']:,} B, {facts['macs']:,} MACs"
    )
    if ran:
        _render_run(console, facts)
    console.print(f"{facts['folder']}: {', '.join(facts['files'])}", highlight=False)


def _render_run(console: Any, facts: dict[str, Any]) -> None:
    from edgebuild.figure import Figure

    samples = f"{facts['samples']} sample{'s' if facts['samples'] > 1 else ''}"
    console.print(f"{facts['instructions']:,} instructions, {samples} on {facts['core']}: {facts['emulator']}")
    for raw in facts["figures"]:
        console.print(f"  {raw['name']}: {Figure.from_json(raw)}", markup=False, highlight=False, soft_wrap=True)
    for finding in facts["findings"]:
        mark = "✗" if finding["severity"] == "fatal" else " "
        console.print(f"{mark} {finding['message']}", markup=False, highlight=False, soft_wrap=True)
