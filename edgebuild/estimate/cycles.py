"""Cycles, time and energy of an inference on a microcontroller, estimated from the instructions that it executed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebuild.estimate.branches import taken_counts
from edgebuild.estimate.cycle_costs import COSTS, CycleCosts, SystemFactor, factor_of
from edgebuild.estimate.disassembly import Instruction
from edgebuild.estimate.instruction_class import (
    InstructionClass,
    block_registers,
    classify,
    returns_by_block,
)
from edgebuild.estimate.power import ActivePower
from edgebuild.figure import Figure


@dataclass(frozen=True)
class CycleEstimate:
    """Cycles of one inference.

    Attributes:
        core: what they are for.
        ideal: with memory that never waits and one instruction at a time.
        factor: what real parts take of that.
        instructions: of each kind, per inference.
        guessed_branches: share of executed conditional branches whose outcome does not follow from the counts.
    """

    core: str
    ideal: float
    factor: SystemFactor
    instructions: Mapping[InstructionClass, float]
    guessed_branches: float

    @property
    def low(self) -> float:
        """The least that a real part is expected to take."""
        return self.ideal * self.factor.low

    @property
    def middle(self) -> float:
        """What a real part is expected to take."""
        return self.ideal * self.factor.middle

    @property
    def high(self) -> float:
        """The most that a real part is expected to take."""
        return self.ideal * self.factor.high

    def cycles(self) -> Figure:
        """As a figure."""
        return self._figure("cycles", "cycles", 1.0)

    def latency(self, clock_hz: float) -> Figure:
        """Of one inference, in ms, at a clock."""
        return self._figure("latency", "ms", 1e3 / clock_hz, f" at {clock_hz / 1e6:g} MHz")

    def energy(self, clock_hz: float, power: ActivePower | None) -> Figure:
        """Of one inference, in mJ: active power times time; missing where no power is known."""
        if power is None:
            reason = "uncalibrated: nobody published the active power of this part, and the profile does not say it"
            return Figure("energy", None, "mJ", "estimated", provenance=reason)
        seconds = 1.0 / clock_hz
        return Figure(
            "energy",
            power.middle * self.middle * seconds,
            "mJ",
            "estimated",
            low=power.low * self.low * seconds,
            high=power.high * self.high * seconds,
            provenance=f"{power.middle:g} mW [{power.low:g}, {power.high:g}] x time; {power.source}",
        )

    def _figure(self, name: str, unit: str, scale: float, at: str = "") -> Figure:
        factor = self.factor
        return Figure(
            name,
            self.middle * scale,
            unit,
            "estimated",
            low=self.low * scale,
            high=self.high * scale,
            confidence=factor.confidence,
            provenance=f"{self.core}{at}: instruction counts x cycles of their kinds x {factor.middle:g} "
            f"[{factor.low:g}, {factor.high:g}] ({factor.source})",
        )


def estimate_cycles(
    program: Sequence[Instruction],
    executed: Mapping[int, int],
    core: str,
    inferences: int,
    part: str | None = None,
) -> CycleEstimate:
    """Estimate the cycles of one inference.

    Args:
        program: the disassembled firmware.
        executed: address -> how often the instruction there was executed, over all inferences.
        core: one of `COSTS`.
        inferences: how many `executed` holds.
        part: one of `PART_FACTORS`; any other, or None, is a part of which only the core is known.
    """
    settled, guessed = taken_counts(program, executed, core)
    total, kinds = _total(program, executed, core, settled | guessed)
    branches = sum(executed.get(address, 0) for address in (*settled, *guessed))
    return CycleEstimate(
        core=core,
        ideal=total / inferences,
        factor=factor_of(core, part),
        instructions={kind: count / inferences for kind, count in kinds.most_common()},
        guessed_branches=sum(executed.get(address, 0) for address in guessed) / branches if branches else 0.0,
    )


def _total(
    program: Sequence[Instruction], executed: Mapping[int, int], core: str, taken: Mapping[int, int]
) -> tuple[float, Counter[InstructionClass]]:
    """Cycles of all that was executed, and how many instructions of each kind that was."""
    costs = COSTS[core]
    kinds: Counter[InstructionClass] = Counter()
    total = 0.0
    before: InstructionClass = "alu"
    for one in program:
        times = executed.get(one.address, 0)
        kind = classify(one, core)
        if times:
            kinds[kind] += times
            total += _cycles(one, kind, before, times, taken.get(one.address, 0), costs)
        before = kind if times else "alu"
    return total, kinds


def _cycles(
    one: Instruction, kind: InstructionClass, before: InstructionClass, times: int, taken: int, costs: CycleCosts
) -> float:
    """Cycles of all executions of one instruction."""
    if kind == "branch":
        ends_loop = one.mnemonic.partition(".")[0] in ("le", "letp")
        return taken * (costs.loop_end if ends_loop else costs.branch_taken) + (times - taken) * costs.branch_not_taken
    if kind == "block":
        leaves = costs.indirect - 1 if returns_by_block(one) else 0
        return times * (costs.block_base + costs.block_word * block_registers(one) + leaves)
    if kind == "load":
        return times * (costs.next_load if before == "load" else costs.load)
    if kind in ("vector", "vector_memory"):
        overlapped = before in ("vector", "vector_memory") and before != kind
        return times * (costs.vector_overlapped if overlapped else costs.vector)
    fixed: Mapping[InstructionClass, float] = {
        "alu": costs.alu,
        "multiply": costs.multiply,
        "multiply_long": costs.multiply_long,
        "divide": costs.divide,
        "store": costs.store,
        "jump": costs.jump,
        "call": costs.call,
        "indirect": costs.indirect,
        "float": costs.float_,
    }
    return times * fixed[kind]
