"""`edgebuild devices`: which devices there are, whether one can be used, and who has it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project, Wait, finite
from edgebuild.cli.output import emit

app = typer.Typer(help="List devices, look whether one can be used, or keep others from using it.")

DeviceName = Annotated[str, typer.Argument(help="A name in devices/ of the project, a shipped one, or a path.")]
Token = Annotated[int | None, typer.Option("--token", help="Of the lease, as `devices lease` printed it.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show_list(project, as_json)


@app.command("list")
def show_list(project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    """List the devices of the project and the shipped ones, and who has them."""
    from edgebuild.device.inventory import device_facts, known_devices

    facts = {"devices": [device_facts(device) for device in known_devices(_root(project))]}
    emit(facts, as_json, lambda: _render_list(facts["devices"]))


@app.command("check")
def check(device: DeviceName, token: Token = None, project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    """Reach a device, and see that it is the one that its file describes.

    Exit code 3 if it is busy, cannot be reached, or is another one.
    """
    from edgebuild.device.inventory import check_device

    facts = check_device(_load(device, project), token)
    emit(facts, as_json, lambda: _render_check(facts))


@app.command("lease")
def lease(
    device: DeviceName,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=1, callback=finite, help="Until it ends by itself; default: ttl of the device."),
    ] = None,
    wait: Wait = 0.0,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Keep others from using a device until you release it, or the time is over.

    Exit code 3 if somebody else holds it.
    """
    from edgebuild.device.inventory import lease_device

    facts = lease_device(_load(device, project), seconds, wait)
    until = f"edgebuild devices release {device} --token {facts['token']}"
    emit(facts, as_json, lambda: _say(f"{device} is yours for {facts['seconds']:g} s, or until: {until}"))


@app.command("release")
def release(
    device: DeviceName,
    token: Token = None,
    force: Annotated[bool, typer.Option("--force", help="Whoever holds it: that one is late from now on.")] = False,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Free a device before its lease ends by itself.

    Exit code 2 without a token and --force, or where there is nothing to hold; 3 if the lease of that token is over.
    """
    from edgebuild.device.inventory import release_device

    facts = release_device(_load(device, project), token, force=force)
    emit(facts, as_json, lambda: _say(f"{device} is free" if facts["released"] else f"{device} was free already"))


def _root(project: Any) -> Any:
    return project if project.is_dir() else project.parent


def _load(device: str, project: Any) -> Any:
    from edgebuild.config.read_device import load_device

    return load_device(device, _root(project))


def _say(text: str) -> None:
    from rich.console import Console

    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def _render_list(devices: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("device", "transport", "state", ""):
        table.add_column(column, overflow="fold")
    for facts in devices:
        table.add_row(facts["name"], facts["transport"], facts["state"], facts["description"])
    Console().print(table)


def _render_check(facts: dict[str, Any]) -> None:
    _say(f"{facts['device']}: reached by {facts['transport']} in {facts['seconds']:.2f} s, it is the right one")
    for key, value in facts["properties"].items():
        _say(f"  {key}: {value}")
