"""Cycles of blocks: what llvm-mca is given, and what it makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.errors import ToolError
from edgebuild.estimate.arm.schedule import MODELS, block_cycles, disassemble, scheduler_version
from tests.arm.llvm import needs_llvm
from tests.arm.test_instruction_kind import ENCODED

NO_INSTRUCTION = 0xFFFFFFFF


def words(*names: str) -> tuple[int, ...]:
    return tuple(ENCODED[name][0] for name in names)


@needs_llvm
def test_encodings_are_what_they_are_called() -> None:
    spoken = disassemble([word for word, _ in ENCODED.values()])
    assert {name: " ".join(spoken[word].split()) for name, (word, _) in ENCODED.items()} == {
        name: name for name in ENCODED
    }


@needs_llvm
def test_a_word_that_is_no_instruction_does_not_shift_the_others() -> None:
    (add,) = words("add x0, x1, x2")
    spoken = disassemble([NO_INSTRUCTION, add])
    assert spoken[NO_INSTRUCTION] == "nop"
    assert spoken[add].split() == ["add", "x0,", "x1,", "x2"]


@needs_llvm
@pytest.mark.parametrize("core", MODELS)
def test_longer_blocks_take_longer(core: str) -> None:
    fused = words("fmla v0.4s, v1.4s, v2.4s")
    load = words("ldr q0, [x0]")
    short, long, both = block_cycles([fused, fused * 8, (fused + load) * 8], core)
    assert 0 < short < long
    assert both > short


@needs_llvm
def test_a_dependent_chain_waits_for_each_link() -> None:
    chain = words("fmla v0.4s, v1.4s, v2.4s") * 8
    (cycles,) = block_cycles([chain], "cortex-a76")
    assert cycles >= 8 * 2, "an accumulator is forwarded after two cycles at least"


FUSED, FUSED_BY_ELEMENT, LOAD = 0x4E20CC00, 0x4F801000, 0x3DC00000


@needs_llvm
@pytest.mark.parametrize(("core", "at_once"), [("cortex-a53", 1), ("cortex-a75", 1), ("cortex-a76", 2)])
@pytest.mark.parametrize("encoded", [FUSED, FUSED_BY_ELEMENT])
def test_multiply_adds_of_four_floats_that_a_core_executes_at_once(core: str, at_once: int, encoded: int) -> None:
    factor = 2 if encoded == FUSED else 31  # one element of the last register, which a half has no name for
    independent = tuple(encoded | 1 << 5 | factor << 16 | register for register in range(8, 24))
    (cycles,) = block_cycles([independent], core)
    assert cycles == pytest.approx(len(independent) / at_once, rel=0.1)


@needs_llvm
@pytest.mark.parametrize(("core", "at_once"), [("cortex-a72", 1), ("cortex-a75", 2)])
def test_registers_of_vectors_that_a_core_loads_at_once(core: str, at_once: int) -> None:
    loads = tuple(LOAD | address << 5 | address for address in range(16))
    (cycles,) = block_cycles([loads], core)
    assert cycles == pytest.approx(len(loads) / at_once, rel=0.1)


@needs_llvm
def test_an_address_that_is_written_back_costs_nothing() -> None:
    plain, back = 0x0C407A60, 0x0CDF7A60
    for core in ("cortex-a53", "kryo"):
        first, second = block_cycles([(plain,) * 8, (back,) * 8], core)
        assert first == second


@needs_llvm
def test_branches_and_addresses_need_no_targets() -> None:
    cycles = block_cycles([words("add x0, x1, x2", "cbz x0, #8"), words("add x0, x1, x2", "b.ne #-4")], "cortex-a72")
    assert all(one > 0 for one in cycles)


def test_without_llvm_the_line_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="llvm-mc-19 is missing; it is needed for estimating the time of 64") as caught:
        scheduler_version()
    assert caught.value.remedy == "apt-get install -y --no-install-recommends llvm-19"
