"""Cycles from real counts: kinds of instructions, outcomes of branches, and figures that say what they are worth."""

from __future__ import annotations

import pytest

from edgebuild.bench.firmware.figures import cycle_estimate, run_figures, time_figures
from edgebuild.bench.firmware.run import FirmwareRun, run_firmware
from edgebuild.estimate.branches import taken_counts
from edgebuild.estimate.cycle_costs import COSTS, FACTORS
from edgebuild.estimate.disassembly import parse_disassembly
from edgebuild.estimate.instruction_class import block_registers, classify
from tests.emulated.boards import CORES, board, changed, model, samples

ENTRY = "    int8_t *base = arena;"


def run_of(core: str, source: dict[str, str] | None = None, count: int = 3) -> FirmwareRun:
    return run_firmware(source or model(), "model", board(core), samples(count))


@pytest.mark.parametrize("core", CORES)
def test_every_executed_instruction_has_a_kind_and_costs_something(core: str) -> None:
    run = run_of(core)
    estimate = cycle_estimate(run)
    assert sum(estimate.instructions.values()) * 3 == pytest.approx(sum(run.executed.values()))
    assert estimate.low < estimate.middle < estimate.high
    assert 1 < estimate.ideal / run.instructions < 2
    assert estimate.instructions["branch"] > 0
    assert estimate.instructions["multiply"] > 0
    assert estimate.guessed_branches < 0.3


ARM_NEST = (
    "mov r4, %0\\n nest_outer: movs r5, #5\\n"
    "nest_inner: cmp r5, #3\\n nest_if: bgt nest_join\\n movs r6, #1\\n nest_join: subs r5, #1\\n"
    "nest_back: bne nest_inner\\n subs r4, #1\\n nest_end: bne nest_outer\\n"
)
RISCV_NEST = (
    "mv a4, %0\\n li a6, 3\\n nest_outer: li a5, 5\\n"
    "nest_inner: nop\\n nest_if: bgt a5, a6, nest_join\\n li a7, 1\\n nest_join: addi a5, a5, -1\\n"
    "nest_back: bnez a5, nest_inner\\n addi a4, a4, -1\\n nest_end: bnez a4, nest_outer\\n"
)


@pytest.mark.parametrize("core", CORES)
def test_the_outcome_of_every_branch_of_a_nest_of_loops_is_known(core: str) -> None:
    """Nine rounds of five, with a branch within that is taken in two of the five, into the middle of a straight run."""
    is_riscv = core == "rv32imc"
    nest = RISCV_NEST if is_riscv else f".syntax unified\\n {ARM_NEST}"
    clobbered = '"a4", "a5", "a6", "a7"' if is_riscv else '"r4", "r5", "r6", "cc"'
    text = f'{ENTRY} __asm__ volatile("{nest}" : : "r"(9) : {clobbered});'
    run = run_of(core, changed(ENTRY, text), 1)
    taken, guessed = taken_counts(run.program, run.executed, core)
    found = {name: taken[run.firmware.symbols[name].address] for name in ("nest_if", "nest_back", "nest_end")}
    assert found == {"nest_if": 18, "nest_back": 36, "nest_end": 8}
    assert not {run.firmware.symbols[name].address for name in found} & set(guessed)


@pytest.mark.parametrize("core", CORES)
def test_no_branch_is_taken_more_often_than_it_is_executed(core: str) -> None:
    run = run_of(core, count=20)
    settled, guessed = taken_counts(run.program, run.executed, core)
    assert len(settled) >= 3
    for address, times in (settled | guessed).items():
        assert 0 <= times <= run.executed[address]


def test_vector_instructions_that_alternate_between_units_overlap() -> None:
    def ideal(body: str) -> float:
        loop = f'{ENTRY} __asm__ volatile("{body * 100}" : : "r"(base) : "q0", "q1", "q2");'
        return cycle_estimate(run_of("cortex-m55", changed(ENTRY, loop), 1)).ideal

    same = ideal("vadd.i8 q0, q1, q2\\n vadd.i8 q1, q0, q2\\n ")
    other = ideal("vadd.i8 q0, q1, q2\\n vldrb.8 q1, [%0]\\n ")
    assert same - other == pytest.approx(200, abs=4)


ARM_LINES = """
00000400 <f>:
 400:\tb570      \tpush\t{r4, r5, r6, lr}
 402:\te8bd 81f0 \tldmia.w\tsp!, {r4, r5, r6, r7, r8, pc}
 406:\tfb21 3302 \tsmlad\tr3, r1, r2, r3
 40a:\tfb81 2303 \tsmull\tr2, r3, r1, r3
 40e:\tfbc1 23c3 \tsmlald\tr2, r3, r1, r3
 412:\tbf2c      \tite\tcs
 414:\t18d2      \taddcs\tr2, r2, r3
 416:\td1fb      \tbne.n\t410 <f+0x10>
 418:\tb11b      \tcbz\tr3, 422 <f+0x22>
 41a:\tf7ff fff0 \tbl\t400 <f>
 41e:\te7f0      \tb.n\t402 <f+0x2>
 420:\t4770      \tbx\tlr
 422:\tf000 8003 \tbls.w\t430 <f+0x30>
 426:\tea23 0301 \tbic.w\tr3, r3, r1
 42a:\te9d0 2300 \tldrd\tr2, r3, [r0]
 42e:\tf9b0 3000 \tldrsh.w\tr3, [r0]
 432:\tfb93 f3f1 \tsdiv\tr3, r3, r1
 436:\tf00f c801 \tle\tlr, 42a <f+0x2a>
 43a:\tee20 0e00 \tvmladava.s8\tr0, q0, q1
 43e:\ted90 1e00 \tvldrb.8\tq0, [r0]
 442:\tee30 0a00 \tvadd.f32\ts0, s0, s0
 446:\tdeadbeef \t.word\t0xdeadbeef
"""
ARM_KINDS = (
    "block block multiply multiply_long multiply alu alu branch branch call jump indirect branch alu block load divide "
    "branch vector vector_memory float"
)


def test_mnemonics_are_told_apart() -> None:
    program = parse_disassembly(ARM_LINES)
    assert [classify(one, "cortex-m55") for one in program] == ARM_KINDS.split()
    assert [block_registers(one) for one in program[:2]] == [4, 6]
    assert program[7].target == 0x410
    assert [one.starts_function for one in program[:2]] == [True, False]


def test_a_range_of_registers_counts_all_of_them() -> None:
    (one,) = parse_disassembly("0 <f>:\n   0:\te92d 4ff0 \tstmdb\tsp!, {r4-r7, s0, lr}\n")
    assert block_registers(one) == 6


def test_counts_are_emulated_and_times_estimated_with_an_interval_and_their_source() -> None:
    run = run_of("cortex-m4")
    figures = {one.name: one for one in (*run_figures(run), *time_figures(run, 120e6, part="stm32l4r5"))}
    assert {figures[name].kind for name in ("instructions", "flash", "ram", "arena", "stack")} == {"emulated"}
    assert {figures[name].kind for name in ("cycles", "latency", "energy")} == {"estimated"}
    assert figures["ram"].value == 304 + run.stack_bytes
    for one in figures.values():
        assert one.low is not None
        assert one.value is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert one.provenance
    assert figures["latency"].value == pytest.approx((figures["cycles"].value or 0) / 120e3)
    assert "MLPerf Tiny" in figures["latency"].provenance
    assert "MLPerf Tiny" in figures["energy"].provenance


def test_energy_without_a_published_power_is_missing_and_a_stated_power_is_used() -> None:
    run = run_of("rv32imc")
    missing = time_figures(run, 160e6, part="esp32-c3")[-1]
    assert missing.missing
    assert missing.provenance.startswith("uncalibrated")
    stated = time_figures(run, 160e6, part="esp32-c3", power_mw=80.0)[-1]
    assert stated.value == pytest.approx(80.0 * cycle_estimate(run).middle / 160e6)
    assert "as the profile states it" in stated.provenance


def test_every_core_has_costs_and_a_factor_and_an_uncalibrated_one_claims_no_confidence() -> None:
    assert set(COSTS) == set(FACTORS) == set(CORES)
    for core, factor in FACTORS.items():
        assert factor.low < factor.middle < factor.high
        assert COSTS[core].source
        assert factor.confidence is None or "MLPerf Tiny" in factor.source


def test_a_part_of_which_results_are_published_has_the_narrower_interval() -> None:
    run = run_of("cortex-m4", count=1)
    any_part, this_part = cycle_estimate(run), cycle_estimate(run, "stm32l4r5")
    assert any_part.ideal == this_part.ideal
    assert any_part.low <= this_part.low < this_part.high < any_part.high
