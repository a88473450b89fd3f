"""The command line: wires the commands together and turns errors into messages and exit codes."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from edgebuild import __version__
from edgebuild.cli import (
    bench,
    build,
    cache,
    calibrate,
    devices,
    diff,
    doctor,
    explain,
    init,
    inspect,
    pack,
    report,
    targets,
    unpack,
)
from edgebuild.cli.compile import compile_file
from edgebuild.cli.signals import settle_signals
from edgebuild.cli.streams import settle_streams
from edgebuild.errors import EdgebuildError, ExitCode

_EXIT_CODES = """Exit codes: 0 all budgets met; 1 a budget or an effect missed; 2 bad input;
3 a tool or device is missing; 4 a bug of edgebuild."""

app = typer.Typer(
    name="edgebuild",
    help="`make` for edge models: one verified artifact per device from one trained PyTorch model.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("build")(build.build)
app.command("compile")(compile_file)
app.command("explain")(explain.explain)
app.command("inspect")(inspect.inspect)
app.command("diff")(diff.diff)
app.command("bench")(bench.bench)
app.command("calibrate")(calibrate.calibrate)
app.command("pack")(pack.pack)
app.command("unpack")(unpack.unpack)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.add_typer(targets.app, name="targets")
app.add_typer(devices.app, name="devices")
app.add_typer(cache.app, name="cache")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgebuild {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug messages.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )


def main() -> NoReturn:
    """Run the command line; never lets a traceback out unless `--debug` asks for it."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    settle_streams()
    settle_signals()
    try:
        app()
    except EdgebuildError as error:
        if debug:
            traceback.print_exc()
        _report(error, as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except Exception as error:  # the last line of defence: our bug must not look like the user's
        if debug:
            raise
        _report_bug(error)
        sys.exit(ExitCode.BUG)
    sys.exit(ExitCode.OK)


def _report(error: EdgebuildError, *, as_json: bool) -> None:
    if as_json:
        json.dump({"error": error.to_json(), "exit_code": int(error.exit_code)}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    sys.stderr.write(f"error: {error}\n")


def _report_bug(error: Exception) -> None:
    where = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
    sys.stderr.write(
        f"error: a bug in edgebuild {__version__}: {what}\n"
        "  -> run the same command with --debug in front (edgebuild --debug …) and report what it prints\n"
    )


if __name__ == "__main__":
    main()
