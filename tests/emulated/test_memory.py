"""Memory on emulated cores: limits that are kept, stacks that are measured, overflows that are trapped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgebuild.bench.firmware.build import build_firmware
from edgebuild.bench.firmware.link import LEAST_STACK, Limits
from edgebuild.bench.firmware.run import run_firmware
from edgebuild.device.qemu_system import board_of
from edgebuild.device.toolchain import TOOLCHAINS
from edgebuild.errors import BudgetError, ConfigError, DeviceError, ToolError
from tests.emulated.boards import CORES, board, changed, model, samples

ENTRY = "    int8_t *base = arena;"
DEEPER = """
__attribute__((noinline)) static int deeper(volatile int *left)
{
    volatile int frame[4] = {*left, 1, 2, 3};
    *left = *left - 1;
    return *left > 0 ? deeper(left) + frame[1] : frame[0];
}
"""


def calls(depth: int) -> dict[str, str]:
    """The model, after a recursion of `depth` calls."""
    sources = changed(ENTRY, f"{ENTRY} volatile int left = {depth}; base[0] = (int8_t)deeper(&left);")
    return sources | {"model.c": sources["model.c"].replace("/* Sums", f"{DEEPER}/* Sums")}


@pytest.mark.parametrize("core", CORES)
def test_a_stack_that_creeps_over_its_end_is_trapped(core: str) -> None:
    fits = run_firmware(calls(5), "model", board(core), samples(1), limits=Limits(stack=512))
    assert fits.stack_bytes > run_firmware(calls(1), "model", board(core), samples(1)).stack_bytes
    with pytest.raises(
        DeviceError, match=rf"device '{core}-emulated': the stack overflowed: 512 B were reserved for it"
    ):
        run_firmware(calls(1000), "model", board(core), samples(1), limits=Limits(stack=512), seconds=20)


@pytest.mark.parametrize("core", CORES)
def test_a_frame_that_leaps_over_the_end_of_the_stack_is_trapped(core: str) -> None:
    large = changed(ENTRY, f"{ENTRY} volatile char frame[20000]; frame[0] = 1; base[0] = frame[0];")
    with pytest.raises(DeviceError, match="the stack overflowed"):
        run_firmware(large, "model", board(core), samples(1), limits=Limits(stack=512), seconds=20)


@pytest.mark.parametrize("core", CORES)
def test_a_write_past_the_end_of_the_arena_is_found(core: str) -> None:
    def writes(place: int) -> dict[str, str]:
        return changed(ENTRY, f"{ENTRY} ((volatile int8_t *)base)[{place}] = 1;")

    run_firmware(writes(303), "model", board(core), samples(1))
    with pytest.raises(DeviceError, match=rf"device '{core}-emulated': the model wrote 5 B past the end of its arena"):
        run_firmware(writes(304 + 5), "model", board(core), samples(2))


def test_an_arena_that_fills_the_memory_of_the_board_to_its_end_works() -> None:
    sources = model()
    whole = (4 << 20) - 1024
    sources["model.h"] = sources["model.h"].replace("MODEL_ARENA_BYTES 304", f"MODEL_ARENA_BYTES {whole}")
    run = run_firmware(sources, "model", board("cortex-m4"), samples(1))
    assert run.firmware.ram.arena == whole


@pytest.mark.parametrize("core", CORES)
def test_the_stack_is_measured_to_the_byte(core: str) -> None:
    def with_frame(size: int) -> int:
        touch = (
            f"{ENTRY} volatile char frame[{size}]; for (int i = 0; i < {size}; i++) frame[i] = 1; base[0] = frame[3];"
        )
        return run_firmware(changed(ENTRY, touch), "model", board(core), samples(1)).stack_bytes

    assert with_frame(544) - with_frame(144) == 400


@pytest.mark.parametrize("core", CORES)
def test_the_map_says_what_the_file_holds(core: str, tmp_path: Path) -> None:
    statics = changed(
        ENTRY,
        f"{ENTRY} static int8_t seen = 7; static int8_t unset[32]; unset[base[1] & 31] = seen++; base[0] = unset[3];",
    )
    firmware = build_firmware(statics, "model", board_of(board(core)), tmp_path)
    program = TOOLCHAINS[core].prefix + "objcopy"
    apart = [] if board_of(board(core)).vectors is None else ["-R", ".vectors"]
    subprocess.run([program, "-O", "binary", *apart, firmware.elf, tmp_path / "image"], check=True)
    assert firmware.flash.total == (tmp_path / "image").stat().st_size + (64 if apart else 0)
    assert firmware.ram.arena == 304
    assert firmware.ram.stack_reserved == 1024
    assert firmware.ram.statics == 33
    assert firmware.ram.harness == 0
    assert firmware.flash.model_constants == 160 + 1
    assert firmware.flash.padding < 32
    assert firmware.flash.harness < 1200


@pytest.mark.parametrize("core", CORES)
def test_firmware_that_does_not_fit_is_refused_with_what_it_needs(core: str, tmp_path: Path) -> None:
    options = board_of(board(core))
    fits = build_firmware(model(), "model", options, tmp_path / "fits")
    needed = fits.flash.total
    build_firmware(model(), "model", options, tmp_path / "exactly", Limits(flash=needed))
    with pytest.raises(BudgetError) as flash:
        build_firmware(model(), "model", options, tmp_path / "flash", Limits(flash=needed - 4))
    assert flash.value.message == f"the firmware does not fit: flash: {needed} B needed, {needed - 4} B available"
    build_firmware(model(), "model", options, tmp_path / "enough", Limits(ram=1024 + 304))
    with pytest.raises(BudgetError) as both:
        build_firmware(model(), "model", options, tmp_path / "both", Limits(flash=1000, ram=1000))
    assert both.value.message == (
        f"the firmware does not fit: flash: {needed} B needed, 1000 B available; ram: 1328 B needed, 1000 B available"
    )


@pytest.mark.parametrize("core", CORES)
def test_the_smallest_stack_is_enough_to_run_and_to_report_an_overflow(core: str) -> None:
    least = Limits(stack=LEAST_STACK)
    run_firmware(model(), "model", board(core), samples(1), limits=least)
    with pytest.raises(DeviceError, match=f"the stack overflowed: {LEAST_STACK} B were reserved for it"):
        run_firmware(calls(1000), "model", board(core), samples(1), limits=least, seconds=20)
    with pytest.raises(ConfigError, match="a stack of 255 B is too small for the harness itself"):
        run_firmware(model(), "model", board(core), samples(1), limits=Limits(stack=LEAST_STACK - 1))


def test_no_flash_at_all_is_a_limit_like_any_other(tmp_path: Path) -> None:
    for core in ("cortex-m4", "cortex-m55"):
        with pytest.raises(BudgetError, match=r"flash: \d+ B needed, 0 B available"):
            build_firmware(model(), "model", board_of(board(core)), tmp_path / core, Limits(flash=0))


def test_a_limit_above_what_the_emulated_board_has_is_told_apart(tmp_path: Path) -> None:
    large = model()
    large["model.h"] = large["model.h"].replace("MODEL_ARENA_BYTES 304", "MODEL_ARENA_BYTES 5000000")
    with pytest.raises(BudgetError) as caught:
        build_firmware(large, "model", board_of(board("cortex-m4")), tmp_path, Limits(ram=8 << 20))
    assert caught.value.message.endswith("ram: 5001024 B needed, 4194304 B available")
    assert caught.value.remedy == "the emulated mps2-an386 has no more ram"


def test_code_that_does_not_compile_is_told_with_the_first_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"arm-none-eabi-gcc cannot compile model.c: model.c:\d+:\d+: error:"):
        build_firmware(changed(ENTRY, "    int8_t *base = nothing;"), "model", board_of(board("cortex-m4")), tmp_path)
