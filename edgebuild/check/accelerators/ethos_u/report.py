"""What Vela said of a file: figures, layers, and the operations that it left on the CPU."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.ethos_u.vela import VelaResult
from edgebuild.check.census.model import OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.wording import count, listing
from edgebuild.figure import Figure
from edgebuild.runtime.vela_install import VERSION

if TYPE_CHECKING:
    from rich.console import RenderableType

CODE = "unsupported-op"
NOTHING = "nothing of the file runs on the accelerator"
_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_SHOWN = 8
NPU = "NPU"
"""Vela's word for the accelerator, in its list of layers."""


@dataclass(frozen=True)
class EthosUReport:
    """What Vela made of one file.

    Attributes:
        result: Vela's own figures.
        on_cpu: operations of the compiled file that the microcontroller runs.
        operations: how many the file had before.
    """

    result: VelaResult
    on_cpu: tuple[OperationRecord, ...]
    operations: int

    @property
    def basis(self) -> str:
        """What the figures rest on."""
        chosen = self.result.configuration
        return (
            f"estimated by Vela {VERSION} for {chosen.accelerator}, {chosen.system}, {chosen.mode}, "
            f"{self.result.clock_hz / 1e6:g} MHz; Vela gives no interval and says that the real time may differ"
        )

    @property
    def runs(self) -> bool:
        """Whether anything of the file runs on the accelerator."""
        return self.result.cycles > 0

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Time, cycles, SRAM and flash; what the CPU does besides is in none of them."""
        beside = f"; without {count(len(self.on_cpu), 'operation')} on the CPU" if self.on_cpu else ""
        memory = f"; SRAM {self.result.sram} B, DRAM {self.result.dram} B"
        values = (
            ("latency", self.result.milliseconds, "ms", ""),
            ("cycles", float(self.result.cycles), "cycles", ""),
            ("ram", float(self.result.sram + self.result.dram), "B", memory),
            ("flash", float(self.result.flash), "B", ""),
        )
        return tuple(
            Figure(name, value, unit, "estimated", provenance=f"{self.basis}{beside}{more}")
            if self.runs
            else Figure(name, None, unit, "estimated", provenance=NOTHING)
            for name, value, unit, more in values
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The operations that are left on the CPU, except conversions for a float caller."""
        left = [operation for operation in self.on_cpu if operation.name not in _CONVERSIONS]
        if not left:
            return ()
        kinds = Counter(operation.name for operation in left)
        named = listing(f"{number} {name}" for name, number in kinds.items())
        layers = tuple(dict.fromkeys(operation.layer for operation in left if operation.layer is not None))
        where = f" in {listing(layers)}" if layers else ""
        message = f"Vela {VERSION} leaves {count(len(left), 'operation')} on the CPU: {named}{where}"
        return (Finding(CODE, message, layers),)

    @property
    def overruled(self) -> tuple[str, ...]:
        """No rule guesses what is said here."""
        return ()

    @property
    def left_on_cpu(self) -> tuple[Finding, ...]:
        """The same: no rule of a build knows what Vela leaves."""
        return self.findings

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "basis": self.basis,
            "vela": self.result.to_json(),
            "operations": self.operations,
            "on_cpu": [operation.name for operation in self.on_cpu],
            "figures": [figure.to_json() for figure in self.figures],
            "findings": [finding.to_json() for finding in self.findings],
        }

    def describe(self) -> RenderableType:
        """Figures, what is left on the CPU, and the layers that take most cycles."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        facts = Table.grid(padding=(0, 2))
        for figure in self.figures:
            facts.add_row(figure.name, str(figure).removesuffix(f" ({figure.provenance})"))
        left = [Text(finding.message, "red") for finding in self.findings]
        if not self.runs:
            return Group(Text(self.basis, "dim"), facts, Text(NOTHING, "red"), *left)
        layers = Table(title="layers that take most", title_justify="left", title_style="bold", box=None)
        for column in ("layer", "operation", "cycles", "MACs", "of peak"):
            layers.add_column(column, overflow="fold", justify="left" if column in ("layer", "operation") else "right")
        on_npu = [layer for layer in self.result.layers if layer.target == NPU]
        for layer in sorted(on_npu, key=lambda one: -one.cycles)[:_SHOWN]:
            short = layer.name.rpartition(";")[2] or layer.name
            row = (short, layer.operation, f"{layer.cycles:,}", f"{layer.macs:,}", f"{layer.utilization:.0f} %")
            layers.add_row(*row)
        return Group(Text(self.basis, "dim"), facts, *left, layers)
