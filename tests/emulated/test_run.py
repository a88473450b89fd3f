"""A model on every emulated core, with real compilers and QEMU: same outputs, exact counts, the same in every run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgebuild.bench.firmware.run import FirmwareRun, run_firmware
from edgebuild.errors import ConfigError, DeviceError
from tests.emulated.boards import CORES, board, changed, expected, model, samples

ENTRY = "    int8_t *base = arena;"


@pytest.fixture(scope="module", params=CORES)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[FirmwareRun, FirmwareRun]:
    """Two runs of the same model, each built for itself in a folder of its own."""
    first, second = (
        run_firmware(
            model(), "model", board(request.param), samples(20), folder=tmp_path_factory.mktemp("firmware") / name
        )
        for name in ("one", "another")
    )
    return first, second


def test_every_core_computes_what_the_model_says(runs: tuple[FirmwareRun, FirmwareRun]) -> None:
    assert [sample[0] for sample in runs[0].outputs] == [expected(sample) for sample in samples(20)]


def test_two_runs_are_the_same_to_the_last_instruction(runs: tuple[FirmwareRun, FirmwareRun]) -> None:
    first, second = runs
    assert first.inferences == second.inferences
    assert first.executed == second.executed
    assert (first.outputs, first.stack_bytes) == (second.outputs, second.stack_bytes)
    assert (
        first.firmware.digest == second.firmware.digest == hashlib.sha256(first.firmware.elf.read_bytes()).hexdigest()
    )


def test_layers_and_overhead_add_up_to_the_inference(runs: tuple[FirmwareRun, FirmwareRun]) -> None:
    for inference in runs[0].inferences:
        assert list(inference.layers) == ["model_layer_00", "model_layer_01", "model_layer_02"]
        assert inference.overhead + sum(inference.layers.values()) == inference.instructions
        assert min(inference.layers.values()) > 50


def test_all_that_the_model_executed_is_in_the_histogram_and_nothing_else(
    runs: tuple[FirmwareRun, FirmwareRun],
) -> None:
    run = runs[0]
    accessors = [run.firmware.symbols[name] for name in ("model_input_0", "model_input_1", "model_output_0")]
    places = [range(symbol.address, symbol.address + symbol.size) for symbol in accessors]
    called = sum(times for address, times in run.executed.items() if any(address in place for place in places))
    assert called > 0
    inferences = sum(inference.instructions for inference in run.inferences)
    assert sum(run.executed.values()) == inferences + called


@pytest.mark.parametrize(
    ("core", "per_round"), [(core, 3) for core in CORES if core not in ("cortex-m55", "rv32imc")] + [("rv32imc", 2)]
)
def test_a_loop_of_known_length_is_counted_exactly(core: str, per_round: int) -> None:
    arm = ".syntax unified\\n ldr r3, =12345\\n 1: subs r3, #1\\n nop\\n bne 1b\\n"
    risc = "li a5, 12345\\n 1: addi a5, a5, -1\\n bnez a5, 1b\\n"
    text, clobbered, before = (risc, '"a5"', 2) if core == "rv32imc" else (arm, '"r3", "cc"', 1)
    loop = f'{ENTRY} __asm__ volatile("{text}" : : : {clobbered});'
    plain = run_firmware(model(), "model", board(core), samples(1))
    longer = run_firmware(changed(ENTRY, loop), "model", board(core), samples(1))
    assert longer.instructions - plain.instructions == 12345 * per_round + before
    assert longer.layers == plain.layers
    assert longer.inferences[0].overhead - plain.inferences[0].overhead == 12345 * per_round + before


def test_a_helium_loop_of_known_length_is_counted_exactly() -> None:
    loop = (
        f"{ENTRY} __asm__ volatile("
        '"mov lr, #1000\\n dls lr, lr\\n 1: vadd.i8 q0, q0, q1\\n vadd.i8 q1, q1, q0\\n le lr, 1b\\n"'
        ' : : : "lr", "q0", "q1");'
    )
    plain = run_firmware(
        changed(ENTRY, f'{ENTRY} __asm__ volatile("" : : : "lr");'), "model", board("cortex-m55"), samples(1)
    )
    longer = run_firmware(changed(ENTRY, loop), "model", board("cortex-m55"), samples(1))
    assert longer.layers == plain.layers
    assert longer.instructions - plain.instructions == 2 + 3 * 1000


def test_an_instruction_whose_condition_does_not_hold_is_counted_too() -> None:
    def skipped(condition: str) -> int:
        moves = "".join(f"mov{condition} r3, #{number}\\n " for number in (1, 2, 3))
        block = f'{ENTRY} __asm__ volatile("cmp r0, r0\\n ittt {condition}\\n {moves}" : : : "r3", "cc");'
        return run_firmware(changed(ENTRY, block), "model", board("cortex-m4"), samples(1)).instructions

    plain = run_firmware(model(), "model", board("cortex-m4"), samples(1)).instructions
    assert skipped("eq") == skipped("ne") == plain + 5


def test_hundreds_of_samples_run_in_one_start_and_take_no_flash() -> None:
    few = run_firmware(model(), "model", board("cortex-m4"), samples(1))
    many = run_firmware(model(), "model", board("cortex-m4"), samples(600))
    assert many.firmware.digest == few.firmware.digest
    assert [sample[0] for sample in many.outputs] == [expected(sample) for sample in samples(600)]
    assert len(many.inferences) == 600


def test_the_emulator_and_the_compiler_are_named() -> None:
    run = run_firmware(model(), "model", board("cortex-m0plus"), samples(1))
    assert run.emulator.startswith("qemu-system-arm ")
    assert run.emulator.endswith("mps2-an385")
    assert run.core == "cortex-m0plus"
    assert run.firmware.compiler.startswith("arm-none-eabi-gcc ")


def test_a_core_that_locks_up_is_told_apart_from_a_tool_that_fails() -> None:
    vectors = "*(volatile unsigned *)0xE000ED08u = 0xF0000000u; *(volatile int *)0xF0000001u = 1;"
    with pytest.raises(DeviceError, match=r"the emulated core stopped \(signal 6 of QEMU\): .*[Ll]ockup"):
        run_firmware(changed(ENTRY, f"{ENTRY} {vectors}"), "model", board("cortex-m4"), samples(1))


def test_code_for_the_m0plus_traps_on_an_unaligned_access_as_that_core_does() -> None:
    unaligned = changed(ENTRY, f"{ENTRY} *(volatile int16_t *)(base + 1) = 1;")
    run_firmware(unaligned, "model", board("cortex-m3"), samples(1))
    with pytest.raises(DeviceError, match="the firmware faulted: cfsr 0x01000000"):
        run_firmware(unaligned, "model", board("cortex-m0plus"), samples(1))


def test_an_example_main_among_the_sources_is_left_out() -> None:
    main = {"main.c": "#error an example for a host\n"}
    alone = run_firmware(model(), "model", board("cortex-m4"), samples(1))
    assert (
        run_firmware(model() | main, "model", board("cortex-m4"), samples(1)).firmware.digest == alone.firmware.digest
    )


def test_a_model_may_have_several_source_files() -> None:
    sources = model()
    head, _, tail = sources["model.c"].partition("int8_t *model_input_0")
    accessors, _, layers = tail.partition("/* Sums of four")
    split = {
        "model.c": f"{head}/* Sums of four{layers}",
        "parts/accessors.c": '#include "model.h"\nenum { INPUT_0 = 0, INPUT_1 = 64, OUTPUT = 288 };\n'
        f"int8_t *model_input_0{accessors}",
    }
    run = run_firmware(sources | split, "model", board("cortex-m4"), samples(2))
    assert [sample[0] for sample in run.outputs] == [expected(sample) for sample in samples(2)]
    assert run.firmware.flash.model_code > 200


def test_an_input_of_another_size_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"sample 1 has inputs of \[64, 15\] bytes, the model takes \[64, 16\]"):
        run_firmware(model(), "model", board("cortex-m4"), [*samples(1), [bytes(64), bytes(15)]])


def test_sources_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"net\.h does not define NET_ARENA_BYTES, NET_INPUT_0_BYTES and"):
        run_firmware(model(), "net", board("cortex-m4"), samples(1), folder=tmp_path)


def test_firmware_that_hangs_is_stopped() -> None:
    with pytest.raises(DeviceError, match=r"'firmware.elf' did not end within 1 s, and was stopped"):
        run_firmware(changed(ENTRY, f"{ENTRY} for (;;) base[0]++;"), "model", board("cortex-m4"), samples(1), seconds=1)
