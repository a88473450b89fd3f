"""The transport qemu-system, with real firmware and QEMU."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.bench.firmware.build import build_firmware
from edgebuild.bench.firmware.run import run_firmware
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.qemu_system import QemuSystemTransport, board_of, open_board
from edgebuild.device.transport import require_properties
from edgebuild.errors import ConfigError, DeviceError, ToolError
from tests.emulated.boards import CORES, ROOT, board, model, samples


@pytest.fixture
def transport() -> Iterator[QemuSystemTransport]:
    opened = open_board(board("cortex-m4"))
    yield opened
    opened.close()


@pytest.mark.parametrize("core", CORES)
def test_a_board_is_what_its_file_says(core: str) -> None:
    device = board(core)
    kind = TRANSPORTS.get(device.transport)
    opened = kind.open(device.name, kind.parameters.model_validate(device.options))
    found = opened.properties()
    opened.close()
    require_properties(device.name, device.properties, found)
    assert found["emulated"] == "true"
    assert found["qemu"][0].isdigit()


def test_firmware_reads_what_was_pushed_and_what_it_writes_is_pulled(
    transport: QemuSystemTransport, tmp_path: Path
) -> None:
    firmware = build_firmware(model(), "model", board_of(board("cortex-m4")), tmp_path / "build")
    (tmp_path / "inputs").write_bytes(b"".join(samples(1)[0]))
    transport.push(firmware.elf, "firmware.elf")
    transport.push(tmp_path / "inputs", "inputs.bin")
    completed = transport.run(["firmware.elf"], timeout=20)
    assert (completed.exit_code, completed.stdout.splitlines()[0]) == (0, b"samples 0x00000001")
    transport.pull("outputs.bin", tmp_path / "outputs")
    assert len((tmp_path / "outputs").read_bytes()) == 10


def test_an_exit_code_of_firmware_is_a_result(transport: QemuSystemTransport, tmp_path: Path) -> None:
    firmware = build_firmware(model(), "model", board_of(board("cortex-m4")), tmp_path)
    transport.push(firmware.elf, "firmware.elf")
    assert transport.run(["firmware.elf"], timeout=20).exit_code == 92, "inputs.bin is not there"


def test_the_rest_of_the_arguments_is_the_command_line_of_the_firmware(
    transport: QemuSystemTransport, tmp_path: Path
) -> None:
    from edgebuild.device.toolchain import TOOLCHAINS, find_program

    program = tmp_path / "echo.c"
    program.write_text(
        "static char text[64]; static unsigned block[2] = {(unsigned)text, 64}, end[2] = {0x20026, 0};\n"
        'static int host(int op, void *a) { register int r0 __asm__("r0") = op; register void *r1 __asm__("r1") = a;\n'
        '  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory"); return r0; }\n'
        "void reset(void) { host(0x15, block); host(0x04, text); host(0x20, end); for (;;) {} }\n"
        '__attribute__((section(".vectors"))) void *const vectors[] = {(void *)0x20010000, reset};\n'
    )
    script = tmp_path / "echo.ld"
    script.write_text(
        "SECTIONS { .text 0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.data*) } .bss 0x20000000 : { *(.bss*) } }"
    )
    chain = TOOLCHAINS["cortex-m4"]
    arguments = [find_program(chain.compiler), *chain.flags, "-w", "-nostdlib", f"-T{script}", str(program)]
    subprocess.run([*arguments, "-o", "echo.elf"], cwd=transport.folder, check=True)
    completed = transport.run(["echo.elf", "first", "a,b=c"], timeout=20)
    assert completed.stdout == b"echo.elf first a,b=c"


@pytest.mark.parametrize("name", ["sh", "absent.elf", "notes.txt"])
def test_what_is_no_firmware_image_is_refused(transport: QemuSystemTransport, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no program")
    transport.push(tmp_path / "notes.txt", "notes.txt")
    with pytest.raises(
        DeviceError, match=rf"device 'cortex-m4-emulated': '{name}' is no firmware image in the working"
    ):
        transport.run([name], timeout=5)


def test_a_path_cannot_leave_the_working_folder(transport: QemuSystemTransport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeviceError, match="leaves the working folder"):
        transport.push(tmp_path / "file", "../escaped")


@pytest.mark.parametrize(
    ("core", "program", "packages"),
    [
        ("cortex-m4", "qemu-system-arm", "qemu-system-arm"),
        ("rv32imc", "qemu-system-riscv32", "qemu-system-misc"),
        ("cortex-m4", "arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("cortex-m4", "arm-none-eabi-objdump", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("rv32imc", "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"),
    ],
)
def test_a_missing_program_is_named_with_the_line_that_installs_it(
    core: str, program: str, packages: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(_all_but(program, tmp_path)))
    with pytest.raises(ToolError, match=f"{program} is missing") as caught:
        run_firmware(model(), "model", board(core), samples(1))
    assert caught.value.remedy == f"apt-get install -y --no-install-recommends {packages}"


def _all_but(missing: str, folder: Path) -> Path:
    """A folder for PATH that has every program a run needs, except one."""
    place = folder / "bin"
    place.mkdir()
    names = (
        "qemu-system-arm",
        "qemu-system-riscv32",
        "arm-none-eabi-gcc",
        "riscv64-unknown-elf-gcc",
        "gcc",
        "arm-none-eabi-objdump",
    )
    for name in names:
        found = shutil.which(name)
        assert found is not None, f"{name} is needed for the tests"
        if name != missing:
            (place / name).symlink_to(found)
    return place


def test_a_board_that_is_another_one_is_refused_before_anything_runs() -> None:
    other = board("cortex-m4").model_copy(update={"properties": {"cpu": "cortex-m4", "machine": "mps2-an385"}})
    with pytest.raises(DeviceError, match="machine: mps2-an386, expected mps2-an385"):
        run_firmware(model(), "model", other, samples(1))


def test_an_emulator_that_cannot_count_says_why(transport: QemuSystemTransport, tmp_path: Path) -> None:
    firmware = build_firmware(model(), "model", board_of(board("cortex-m4")), tmp_path)
    transport.push(firmware.elf, "firmware.elf")
    (transport.folder / "instruction-counts.txt").mkdir()
    with pytest.raises(ToolError, match=r"did not finish: .*count_instructions: out=FILE is missing, or it cannot"):
        transport.run_counted(["firmware.elf"], 20)


def test_a_device_of_another_kind_is_refused() -> None:
    from edgebuild.config.read_device import load_device

    with pytest.raises(ConfigError, match="device 'host' is reached by 'local': it is no emulated microcontroller"):
        open_board(load_device("host", ROOT))
