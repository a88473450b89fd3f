"""Sources of a model -> firmware that runs it on every sample of a file, linked within the limits of a target."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebuild.bench.firmware.elf import Symbol, read_symbols
from edgebuild.bench.firmware.link import NATIVE, Limits, linker_script, raise_if_too_large
from edgebuild.bench.firmware.memory_map import FlashMap, Piece, RamMap, flash_map, ram_map, read_pieces
from edgebuild.bench.firmware.ports import Ports, ports_header, read_ports
from edgebuild.device.qemu_board import SystemBoard
from edgebuild.device.toolchain import TOOLCHAINS, Toolchain, find_program
from edgebuild.errors import ToolError

DEFAULT_FLAGS = ("-O2",)

_LANGUAGE = ("-std=gnu11", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables")
_MODEL_FLAGS = ("-fno-ipa-icf",)
"""Equal layers stay functions of their own, so that each can be counted."""
_HARNESS_FLAGS = ("-Os", "-Wall", "-Wextra", "-fno-tree-loop-distribute-patterns")
"""No loop becomes a call of memset or memcpy: library functions in the firmware are the model's."""
_HARNESS_SOURCES = ("semihosting.c", "main_loop.c", "invoke.S")
_COMPILE_SECONDS = 300


@dataclass(frozen=True)
class Firmware:
    """An image and what is known of it without running it.

    Attributes:
        elf: the file.
        digest: SHA-256 of the file; equal sources and tools give equal digests.
        prefix: of the model's functions.
        ports: sizes of inputs and outputs.
        symbols: name -> symbol; of a function that gcc specialised (`f.constprop.0`), that is the name before the dot.
        pieces: who put what where.
        compiler: name and version of the compiler.
    """

    elf: Path
    digest: str
    prefix: str
    ports: Ports
    symbols: Mapping[str, Symbol]
    pieces: tuple[Piece, ...]
    compiler: str

    @property
    def flash(self) -> FlashMap:
        """What is in flash."""
        return flash_map(self.pieces, self.symbols["_flash_used"].address)

    @property
    def ram(self) -> RamMap:
        """What is in RAM."""
        return ram_map(self.pieces)


def build_firmware(
    sources: Mapping[str, str],
    prefix: str,
    board: SystemBoard,
    folder: Path,
    limits: Limits | None = None,
    flags: Sequence[str] = DEFAULT_FLAGS,
) -> Firmware:
    """Compile and link in `folder`, which is made and filled.

    Args:
        sources: file name -> text; every `.c` file among them is compiled but `main.c`, in whose place the harness is.
        prefix: of the model: `model` for `model.h`, `model_invoke`, `model_layer_00`.
        board: what it is for.
        folder: where it is built.
        limits: of flash, RAM and stack.
        flags: of the compiler, for the model's sources.

    Raises:
        BudgetError: it does not fit the limits.
        ConfigError: the sources are not those of a model, or the stack is too small for the harness itself.
        ToolError: the compiler is missing or fails.
    """
    from edgebuild.device.toolchain import program_version

    within = limits or Limits()
    ports = read_ports(sources, prefix)
    toolchain = TOOLCHAINS[board.core]
    compiler = find_program(toolchain.compiler)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "harness_ports.h").write_text(ports_header(ports, prefix))
    (folder / "link.ld").write_text(linker_script(board, within))
    model = [name for name in sorted(sources) if name.endswith(".c") and name != "main.c"]
    build = _Build(compiler, toolchain, folder)
    model_objects = [build.compile(Path(name), f"{name}.o", (*_MODEL_FLAGS, *flags)) for name in model]
    start = "start_riscv.c" if board.core.startswith("rv32") else "start_arm.c"
    defines = (*_HARNESS_FLAGS, f"-DHARNESS_MODEL={prefix}_invoke")
    harness = [build.compile(NATIVE / name, f"harness_{name}.o", defines) for name in (start, *_HARNESS_SOURCES)]
    message = build.link((*harness, *model_objects))
    if message:
        raise_if_too_large(message, board, within)
        build.refuse("link the firmware", message)
    elf = folder / "firmware.elf"
    symbols = sorted(read_symbols(elf), key=lambda symbol: (symbol.is_function, "." not in symbol.name))
    return Firmware(
        elf=elf,
        digest=hashlib.sha256(elf.read_bytes()).hexdigest(),
        prefix=prefix,
        ports=ports,
        symbols={symbol.name.partition(".")[0]: symbol for symbol in symbols},
        pieces=tuple(read_pieces((folder / "firmware.map").read_text(), model_objects, harness)),
        compiler=f"{toolchain.compiler} {program_version(compiler)}",
    )


class _Build:
    """The compiler at work in one folder; names are relative, so that the image does not depend on where that is."""

    def __init__(self, compiler: str, toolchain: Toolchain, folder: Path) -> None:
        self.compiler = compiler
        self.toolchain = toolchain
        self.folder = folder

    def compile(self, source: Path, target: str, flags: Sequence[str]) -> str:
        """Compile one file and return the name of its object."""
        paths = (f"-ffile-prefix-map={NATIVE}=harness", f"-I{NATIVE}", "-I.")
        message = self._run([*_LANGUAGE, *flags, *paths, "-c", str(source), "-o", target])
        if message:
            self.refuse(f"compile {source.name}", message)
        return target

    def link(self, objects: Sequence[str]) -> str:
        """Link, and return what the linker complained of."""
        wanted = (
            "-nostartfiles",
            "-Wl,--gc-sections",
            "-Wl,--build-id=none",
            "-Wl,--strip-debug",
            "-Wl,-Map=firmware.map",
        )
        return self._run(["-Tlink.ld", *wanted, *objects, "-o", "firmware.elf"])

    def refuse(self, what: str, message: str) -> None:
        """Raise the error of a failed step."""
        first = next((line for line in message.splitlines() if "error" in line), message.strip()[:500])
        msg = f"{self.toolchain.compiler} cannot {what}: {first}"
        raise ToolError(msg, remedy=f"see that the sources are meant for this core ({' '.join(self.toolchain.flags)})")

    def _run(self, arguments: Sequence[str]) -> str:
        """Return the messages of the compiler if it failed, else nothing."""
        done = subprocess.run(
            [self.compiler, *self.toolchain.flags, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_COMPILE_SECONDS,
            check=False,
        )
        return (done.stderr or f"exit code {done.returncode}") if done.returncode else ""
