"""A .pte for an Ethos-U: what its delegates cost, and that they are what Vela makes of the graphs beside the file."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.check.accelerators.ethos_u.configurations import Configuration
from edgebuild.check.accelerators.ethos_u.vela import LayerCost, VelaResult, run_vela
from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.census.pte import read_pte_census
from edgebuild.check.finding import Finding
from edgebuild.check.wording import count, listing
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.runtime.ethos_u_payload import BACKEND, COMMANDS, WEIGHTS, read_blocks
from edgebuild.runtime.executorch_file import PteFile, read_pte
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError
from edgebuild.runtime.tosa_file import SIDECAR
from edgebuild.runtime.vela_install import VERSION

if TYPE_CHECKING:
    from rich.console import RenderableType

DIFFERS = "delegate-differs"
_PARTS = (COMMANDS, WEIGHTS)


@dataclass(frozen=True)
class ProgramReport:
    """What is in one program.

    Attributes:
        configuration: what it was compiled for.
        results: Vela's own figures of each delegate, in the file's order.
        differing: numbers of the delegates whose bytes are not those that Vela makes of the graph beside the file.
        delegated: operations of the delegates.
        on_core: operations that the core runs.
    """

    configuration: Configuration
    results: tuple[VelaResult, ...]
    differing: tuple[int, ...]
    delegated: tuple[OperationRecord, ...]
    on_core: tuple[OperationRecord, ...]

    @property
    def basis(self) -> str:
        """What the figures rest on."""
        chosen = self.configuration
        return (
            f"estimated by Vela {VERSION} for {chosen.accelerator}, {chosen.system}, {chosen.mode}; Vela gives no "
            "interval and says that the real time may differ"
        )

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Time, cycles, SRAM and flash of all delegates; what the core does besides is in none of them."""
        runs = bool(self.results)
        beside = f"; without {count(len(self.on_core), 'operation')} on the core" if self.on_core else ""
        where = f"{self.basis}{beside}" if runs else "nothing of the file runs on the accelerator"
        cycles = float(sum(result.cycles for result in self.results))
        milliseconds = sum(result.milliseconds for result in self.results)
        ram = max((result.sram + result.dram for result in self.results), default=0)
        flash = sum(result.flash for result in self.results)
        values = (
            ("latency", milliseconds, "ms"),
            ("cycles", cycles, "cycles"),
            ("ram", float(ram), "B"),
            ("flash", float(flash), "B"),
        )
        return tuple(
            Figure(name, value if runs else None, unit, "estimated", provenance=where) for name, value, unit in values
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Delegates that are not what they should be; what the core runs is told by the rule `undelegated-op`."""
        if not self.differing:
            return ()
        named = ", ".join(map(str, self.differing))
        message = f"delegate {named} of the file is not what Vela {VERSION} makes of the TOSA graph beside it"
        return (Finding(DIFFERS, message),)

    @property
    def overruled(self) -> tuple[str, ...]:
        """No rule guesses what is said here."""
        return ()

    @property
    def left_on_cpu(self) -> tuple[Finding, ...]:
        """The same."""
        return self.findings

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """Of all delegates, in order."""
        return tuple(layer for result in self.results for layer in result.layers)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "basis": self.basis,
            "delegates": [result.to_json() for result in self.results],
            "same_bytes_again": not self.differing,
            "delegated": dict(sorted(Counter(operation.name for operation in self.delegated).items())),
            "on_core": [operation.name for operation in self.on_core],
            "figures": [figure.to_json() for figure in self.figures],
            "findings": [finding.to_json() for finding in self.findings],
        }

    def describe(self) -> RenderableType:
        """Figures, and what runs where."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        facts = Table.grid(padding=(0, 2))
        for figure in self.figures:
            facts.add_row(figure.name, str(figure).removesuffix(f" ({figure.provenance})"))
        inside = ", ".join(f"{number} {name}" for name, number in Counter(one.name for one in self.delegated).items())
        outside = ", ".join(f"{number} {name}" for name, number in Counter(one.name for one in self.on_core).items())
        lines = [Text(f"on the accelerator: {inside or 'nothing'}"), Text(f"on the core: {outside or 'nothing'}")]
        return Group(Text(self.basis, "dim"), facts, *lines, *(Text(one.message, "red") for one in self.findings))


def judge_program(path: Path, configuration: Configuration) -> ProgramReport:
    """Have Vela compile the graphs beside the file again, and hold what it makes against the file's delegates.

    Raises:
        ConfigError: the file is damaged, has a delegate of something else, or the graph of a delegate is missing.
        ToolError: Vela is not installed, or refuses a graph.
    """
    file = read_pte(path)
    census: Census = read_pte_census(path)
    _refuse_foreign(path, file, configuration)
    results, differing = [], []
    for number, delegate in enumerate(file.forward()["delegates"]):
        if delegate["id"] != BACKEND:
            continue
        graph = path.with_name(SIDECAR.format(number))
        if not graph.is_file():
            msg = f"{path}: the TOSA graph of its delegate {number} is missing, expected {graph.name} beside it"
            raise ConfigError(msg, remedy="inspect the artifact of a build, whose folder has it")
        with tempfile.TemporaryDirectory(prefix="edgebuild-ethos-u-") as scratch:
            result = run_vela(graph.resolve(), configuration, Path(scratch))
            if not _is_same(file, delegate, Path(scratch) / result.file):
                differing.append(number)
        results.append(result)
    delegated = tuple(operation for operation in census.operations if operation.delegate == BACKEND)
    on_core = tuple(operation for operation in census.operations if operation.delegate is None)
    return ProgramReport(configuration, tuple(results), tuple(differing), delegated, on_core)


def _refuse_foreign(path: Path, file: PteFile, configuration: Configuration) -> None:
    foreign = Counter(delegate["id"] for delegate in file.forward()["delegates"] if delegate["id"] != BACKEND)
    if foreign:
        named = listing(f"{count(number, 'delegate')} of {name}" for name, number in foreign.items())
        msg = f"{path} has {named}, which a microcontroller with {configuration.accelerator} does not run"
        raise ConfigError(msg, remedy="export the model with format: executorch-ethos-u")


def _is_same(file: PteFile, delegate: dict[str, Any], made: Path) -> bool:
    """Whether commands and weights of the delegate are the bytes that Vela made."""
    try:
        blocks = read_blocks(file.payload(delegate))
    except MalformedBufferError:
        return False
    with np.load(made, allow_pickle=False) as parts:
        return all(parts[name].tobytes() == blocks[name] for name in _PARTS)
