"""How often each conditional branch was taken, from how often every instruction was executed.

What enters an instruction is what falls into it from the one before plus what branches to it (Kirchhoff's law on the
flow graph; Knuth and Stevenson, "Optimal measurement points for program frequency counts", 1973). Where all terms of
one instruction but one are known, that one follows; repeated until nothing follows any more. Counts of instructions do
not always determine those of branches (a loop and the test that skips it: was it skipped, or left once more?). Then the
branch that matters least, because it is executed least, is guessed, and what follows from that is taken as known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from edgebuild.estimate.disassembly import Instruction
from edgebuild.estimate.instruction_class import InstructionClass, classify, returns_by_block

_NEVER_FALLS = ("jump", "indirect")


def taken_counts(
    program: Sequence[Instruction], executed: Mapping[int, int], core: str
) -> tuple[dict[int, int], dict[int, int]]:
    """Return (address -> times taken) of the branches that follow from the counts, and of those that had to be guessed.

    A guess is the least that can be true: a branch fell through at most as often as what follows it was executed.
    """
    flow = _Flow(program, executed, core)
    flow.settle()
    guessed: dict[int, int] = {}
    for one in sorted(flow.branches, key=lambda one: (flow.times(one.address), one.address)):
        if one.address not in flow.taken:
            guessed[one.address] = max(0, flow.times(one.address) - flow.times(one.following))
            flow.taken[one.address] = guessed[one.address]
            flow.settle()
    return {address: times for address, times in flow.taken.items() if address not in guessed}, guessed


class _Flow:
    """The equations of one program."""

    def __init__(self, program: Sequence[Instruction], executed: Mapping[int, int], core: str) -> None:
        self.executed = executed
        self.kinds: dict[int, InstructionClass] = {one.address: classify(one, core) for one in program}
        self.before = {one.following: one for one in program}
        self.branches = [one for one in program if self.kinds[one.address] == "branch" and self.times(one.address)]
        self.jumps_to: dict[int, list[Instruction]] = defaultdict(list)
        self.branches_to: dict[int, list[Instruction]] = defaultdict(list)
        for one in program:
            if one.target is not None and self.kinds[one.address] == "jump":
                self.jumps_to[one.target].append(one)
        for one in self.branches:
            if one.target is not None:
                self.branches_to[one.target].append(one)
        self.blind = self._entered_unseen(program)
        self.taken: dict[int, int] = {}

    def times(self, address: int) -> int:
        return self.executed.get(address, 0)

    def settle(self) -> None:
        """Solve every equation that has one unknown, until there is none."""
        waiting = {place for one in self.branches for place in (one.following, one.target) if place is not None}
        progress = True
        while progress:
            progress = False
            for place in sorted(waiting):
                unknown = self._unknown(place)
                if len(unknown) == 1 and place not in self.blind:
                    self._solve(place, unknown[0])
                    progress = True
                if len(unknown) <= 1:
                    waiting.discard(place)

    def _entered_unseen(self, program: Sequence[Instruction]) -> set[int]:
        """Addresses that are entered from where no equation sees it: functions, and all of one with a jump table."""
        tables = {one.function for one in program if self._is_table(one)}
        return {one.address for one in program if one.starts_function or one.function in tables}

    def _is_table(self, one: Instruction) -> bool:
        name = one.mnemonic.partition(".")[0]
        if self.kinds[one.address] != "indirect":
            return False
        is_return = name == "ret" or one.operands.strip() in ("lr", "ra") or name.startswith("ldr")
        return not is_return

    def _unknown(self, place: int) -> list[Instruction]:
        sources = [one for one in self.branches_to[place] if one.address not in self.taken]
        fallen = self.before.get(place)
        if fallen is not None and self._is_unsettled(fallen) and fallen not in sources:
            sources.append(fallen)
        return sources

    def _is_unsettled(self, one: Instruction) -> bool:
        executed_branch = self.kinds[one.address] == "branch" and self.times(one.address) > 0
        return executed_branch and one.address not in self.taken

    def _solve(self, place: int, unknown: Instruction) -> None:
        known = sum(self.times(one.address) for one in self.jumps_to[place])
        known += sum(self.taken.get(one.address, 0) for one in self.branches_to[place])
        fallen = self.before.get(place)
        if fallen is not None and fallen is not unknown:
            known += self._falls(fallen)
        rest = self.times(place) - known
        count = self.times(unknown.address)
        falls_here, jumps_here = unknown.following == place, unknown.target == place
        if falls_here and jumps_here:
            return
        self.taken[unknown.address] = min(count, max(0, count - rest if falls_here else rest))

    def _falls(self, one: Instruction) -> int:
        kind = self.kinds[one.address]
        if kind in _NEVER_FALLS or (kind == "block" and returns_by_block(one)):
            return 0
        return self.times(one.address) - self.taken.get(one.address, 0)
