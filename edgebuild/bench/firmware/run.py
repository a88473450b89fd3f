"""Running firmware on an emulated board: outputs, instructions, memory; all of it exact and the same in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebuild.bench.firmware.build import DEFAULT_FLAGS, Firmware, build_firmware
from edgebuild.bench.firmware.disassemble import disassemble
from edgebuild.bench.firmware.layers import Inference, marked_symbols, split_inferences
from edgebuild.bench.firmware.link import Limits
from edgebuild.bench.firmware.memory_map import code_ranges
from edgebuild.config.device import Device
from edgebuild.device.qemu_system import QemuSystemTransport, board_of, open_board
from edgebuild.device.scratch import scratch_folder
from edgebuild.device.transport import Completed, require_properties
from edgebuild.errors import ConfigError, DeviceError
from edgebuild.estimate.disassembly import Instruction

DEFAULT_SECONDS = 300.0

_FAULT, _STACK_OVERFLOW, _NO_FILE, _ARENA_OVERFLOW = 90, 91, 92, 93
"""Exit codes of native/semihosting.h."""


@dataclass(frozen=True)
class FirmwareRun:
    """What came out of a run.

    Attributes:
        firmware: what ran.
        outputs: for each sample, the bytes of each output.
        inferences: for each sample, what was executed.
        program: the instructions of the firmware, by address.
        executed: address -> how often the instruction there was executed, in the model and the library it calls, over
            all samples.
        stack_bytes: the deepest that the model's call went below the stack pointer it found, over all samples; what a
            frame has at its end and never writes is not seen.
        emulator: `qemu-system-arm 7.2.22, mps2-an386`.
        core: what the code was compiled for.
    """

    firmware: Firmware
    outputs: tuple[tuple[bytes, ...], ...]
    inferences: tuple[Inference, ...]
    program: Sequence[Instruction]
    executed: Mapping[int, int]
    stack_bytes: int
    emulator: str
    core: str

    @property
    def instructions(self) -> int:
        """Of the first inference."""
        return self.inferences[0].instructions

    @property
    def layers(self) -> Mapping[str, int]:
        """Instructions of each layer in the first inference; with `overhead` of it they add up to `instructions`."""
        return self.inferences[0].layers

    @property
    def flash_bytes(self) -> int:
        """Of the model: code, constants and the library functions it calls; not the harness."""
        return self.firmware.flash.model

    @property
    def ram_bytes(self) -> int:
        """Of the model: arena, static variables and the stack it used."""
        return self.firmware.ram.arena + self.firmware.ram.statics + self.stack_bytes


def run_firmware(
    sources: Mapping[str, str],
    prefix: str,
    device: Device,
    inputs: Sequence[Sequence[bytes]],
    *,
    limits: Limits | None = None,
    flags: Sequence[str] = DEFAULT_FLAGS,
    folder: Path | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> FirmwareRun:
    """Build the firmware of a model and run it once over all samples.

    Args:
        sources: file name -> text, as the compiler of edgebuild writes them.
        prefix: of the model's functions.
        device: whose transport is `qemu-system`.
        inputs: for each sample, the bytes of each input.
        limits: of flash, RAM and stack.
        flags: of the C compiler, for the model.
        folder: where the firmware is built and stays; a temporary one where it is None.
        seconds: the run may take.

    Raises:
        BudgetError: the firmware does not fit the limits.
        ConfigError: the sources are not those of a model, inputs do not fit it, or the device is none of this kind.
        DeviceError: the firmware faulted, overflowed its stack or its arena, or did not end in time.
        ToolError: a compiler or QEMU is missing or failed.
    """
    board = board_of(device)
    if folder is None:
        with scratch_folder("firmware") as scratch:
            firmware = build_firmware(sources, prefix, board, scratch, limits, flags)
            return run_built(firmware, device, inputs, seconds=seconds)
    firmware = build_firmware(sources, prefix, board, folder, limits, flags)
    return run_built(firmware, device, inputs, seconds=seconds)


def run_built(
    firmware: Firmware, device: Device, inputs: Sequence[Sequence[bytes]], *, seconds: float = DEFAULT_SECONDS
) -> FirmwareRun:
    """Run firmware that was built for this device; see `run_firmware`."""
    _require_inputs(firmware, inputs)
    names = marked_symbols(firmware.symbols, firmware.prefix)
    transport = open_board(device)
    try:
        require_properties(device.name, device.properties, transport.properties())
        (transport.folder / "inputs.bin").write_bytes(b"".join(part for sample in inputs for part in sample))
        transport.push(firmware.elf, firmware.elf.name)
        completed, counts = transport.run_counted([firmware.elf.name], seconds, names)
        said = _require_success(completed, firmware, device)
        written = (transport.folder / "outputs.bin").read_bytes()
        emulator = _emulator(transport)
    finally:
        transport.close()
    ranges = code_ranges(firmware.pieces, ("model", "library"))
    return FirmwareRun(
        firmware=firmware,
        outputs=_split_outputs(written, firmware, len(inputs)),
        inferences=tuple(split_inferences(counts.marks, names, firmware.prefix)),
        program=disassemble(firmware.elf, transport.board.core),
        executed={
            address: times for address, times in counts.executed.items() if any(address in part for part in ranges)
        },
        stack_bytes=said["stack"],
        emulator=emulator,
        core=transport.board.core,
    )


def _emulator(transport: QemuSystemTransport) -> str:
    cpu = f" -cpu {transport.board.cpu}" if transport.board.cpu else ""
    return f"{transport.board.emulator} {transport.version}, {transport.board.machine}{cpu}"


def _require_inputs(firmware: Firmware, inputs: Sequence[Sequence[bytes]]) -> None:
    wanted = firmware.ports.inputs
    if not inputs:
        msg = "there is no sample to run"
        raise ConfigError(msg, remedy="give at least one")
    for i, sample in enumerate(inputs):
        found = tuple(len(part) for part in sample)
        if found != wanted:
            msg = f"sample {i} has inputs of {list(found)} bytes, the model takes {list(wanted)}"
            raise ConfigError(msg, remedy="give each input of the model as bytes, in its order")


def _require_success(completed: Completed, firmware: Firmware, device: Device) -> dict[str, int]:
    """The numbers that the firmware said.

    Raises:
        DeviceError: it did not end well.
    """
    said: dict[str, int] = {}
    for line in completed.stdout.decode(errors="replace").splitlines():
        key, _, value = line.partition(" ")
        if value.startswith("0x"):
            said[key] = int(value, 16)
    if completed.exit_code == 0 and "stack" in said:
        return said
    if completed.exit_code == _STACK_OVERFLOW:
        msg = f"device {device.name!r}: the stack overflowed: {firmware.ram.stack_reserved} B were reserved for it"
        raise DeviceError(msg, remedy="reserve more stack, or find which function takes it (gcc -fstack-usage)")
    if completed.exit_code == _ARENA_OVERFLOW:
        msg = f"device {device.name!r}: the model wrote {said['beyond']} B past the end of its arena"
        raise DeviceError(msg, remedy=f"report it with the model: {firmware.prefix}.h asks for too small an arena")
    if completed.exit_code == _FAULT:
        registers = ", ".join(f"{key[6:]} {value:#010x}" for key, value in said.items() if key.startswith("fault_"))
        msg = f"device {device.name!r}: the firmware faulted: {registers}"
        raise DeviceError(
            msg, remedy="see what the model's code accesses there; arm-none-eabi-addr2line names the line"
        )
    said_last = (completed.stdout + completed.stderr).decode(errors="replace").strip()[-300:]
    what = "could not read or write its files" if completed.exit_code == _NO_FILE else "ended"
    msg = f"device {device.name!r}: the firmware {what} (exit code {completed.exit_code}): {said_last}"
    raise DeviceError(
        msg, remedy="see that the disk has room, and that this QEMU emulates the board of the device file"
    )


def _split_outputs(written: bytes, firmware: Firmware, samples: int) -> tuple[tuple[bytes, ...], ...]:
    sizes = firmware.ports.outputs
    if len(written) != samples * sum(sizes):
        msg = f"the firmware wrote {len(written)} bytes for {samples} samples of {sum(sizes)}"
        raise DeviceError(msg, remedy="see that the disk has room")
    outputs: list[tuple[bytes, ...]] = []
    place = 0
    for _ in range(samples):
        parts = []
        for size in sizes:
            parts.append(written[place : place + size])
            place += size
        outputs.append(tuple(parts))
    return tuple(outputs)
