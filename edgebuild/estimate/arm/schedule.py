"""Cycles of blocks of instructions on a core, as llvm-mca schedules them: data in the first cache, no branch missed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from edgebuild.device.toolchain import find_program, program_version
from edgebuild.errors import ToolError

DISASSEMBLER, SCHEDULER = "llvm-mc-19", "llvm-mca-19"
ITERATIONS = 40
"""A block is repeated as often, so that what a loop carries from one turn to the next is in its cycles."""
_SECONDS = 300
_FEATURES = "+v8.2a,+dotprod,+fullfp16,+crypto"

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "cortex-a53": "cortex-a55",
        "cortex-a72": "cortex-a72",
        "cortex-a73": "cortex-a73",
        "cortex-a75": "neoverse-n1",
        "cortex-a76": "neoverse-n1",
        "kryo": "kryo",
    }
)
"""Core -> the processor whose scheduling model LLVM 19 is asked for.

The Cortex-A53's own model takes two to four times as long as the core does for kernels of floats; the A55, which has
the same two in-order pipelines, comes nearer. LLVM has no model of the A72, A73 and A75 and uses the A57's, which loads
one register of a vector a cycle, as the A72 does. The A75 loads two, and the Neoverse N1 is nearer. The A76 has none of
its own either; the N1 is the same core for servers.
"""

_WARNING = re.compile(r"^<stdin>:(\d+):\d+: warning: invalid instruction encoding")
_WRITTEN_BACK = re.compile(r"\](!|, (#-?\w+|x\d+))$")
_IN_ORDER = ("cortex-a53",)
_FUSED = re.compile(r"^fml([as])(\s+v\d+\.(?:4s|8h),)")
_ONE_FUSED = ("cortex-a75",)
_FUSED_FLOATS = re.compile(r"^fml([as])(\s+v\d+\.4s, v\d+)\.4s, v(\d+)(?:\.4s|\.s\[(\d)\])$")
_TARGET = re.compile(r"#-?(0x)?[0-9a-f]+$")
_BRANCHES = ("b", "bl", "cbz", "cbnz", "tbz", "tbnz", "adr", "adrp")


def scheduler_version() -> str:
    """The version of llvm-mca.

    Raises:
        ToolError: it or the disassembler is missing; the remedy is the line that installs both.
    """
    find_program(DISASSEMBLER)
    return program_version(find_program(SCHEDULER))


def block_cycles(blocks: Sequence[tuple[int, ...]], core: str) -> list[float]:
    """Cycles that each block takes when it is executed again and again.

    Args:
        blocks: encoded instructions of each.
        core: one of MODELS.

    Raises:
        ToolError: LLVM is missing, or cannot read them.
    """
    names = disassemble({word for block in blocks for word in block})
    regions = [
        f"# LLVM-MCA-BEGIN {number}\n" + "\n".join(_assembly(names[word], core) for word in block) + "\n# LLVM-MCA-END"
        for number, block in enumerate(blocks)
    ]
    command = [
        find_program(SCHEDULER),
        "-mtriple=aarch64",
        f"-mcpu={MODELS[core]}",
        f"-mattr={_FEATURES}",
        f"-iterations={ITERATIONS}",
        "-skip-unsupported-instructions=any",
        "-json",
    ]
    told = json.loads(_run(command, "\n".join(("target:", *regions, ""))).stdout)
    found = {region["Name"]: region["SummaryView"]["TotalCycles"] / ITERATIONS for region in told["CodeRegions"]}
    missing = [number for number in range(len(blocks)) if str(number) not in found]
    if missing:
        msg = f"llvm-mca timed {len(found)} of {len(blocks)} blocks of instructions"
        raise ToolError(msg, remedy=f"see that it is that of LLVM 19: {SCHEDULER} --version")
    return [found[str(number)] for number in range(len(blocks))]


def disassemble(words: Iterable[int]) -> dict[int, str]:
    """Each encoded instruction -> its assembly; `nop` where LLVM knows none."""
    ordered = sorted(words)
    text = "\n".join(" ".join(f"0x{byte:02x}" for byte in word.to_bytes(4, "little")) for word in ordered)
    command = [find_program(DISASSEMBLER), "-disassemble", "-triple=aarch64", f"-mattr={_FEATURES}"]
    done = _run(command, text + "\n")
    unknown = {int(found[1]) - 1 for line in done.stderr.splitlines() if (found := _WARNING.match(line))}
    known = [word for number, word in enumerate(ordered) if number not in unknown]
    lines = [line.strip() for line in done.stdout.splitlines()]
    spoken = [line for line in lines if line and not line.startswith(".")]
    if len(spoken) != len(known):
        msg = f"llvm-mc read {len(spoken)} of {len(known)} instructions"
        raise ToolError(msg, remedy=f"see that it is that of LLVM 19: {DISASSEMBLER} --version")
    return dict.fromkeys(ordered, "nop") | dict(zip(known, spoken, strict=True))


def _assembly(line: str, core: str) -> str:
    """One instruction as llvm-mca is given it.

    Places that it names are all one. An address that is written back costs nothing: the models let the next access wait
    for it as long as for the data. The A55's model executes two multiply-adds of 128-bit floats at once, where the two
    units of 64 bits execute one, as they do an integer multiply-add, which the model knows. So does the N1's, which
    stands for the A75: that executes one, which a multiply-add of integers to twice their width stands for.
    """
    mnemonic = line.split(None, 1)[0]
    if mnemonic in _BRANCHES or mnemonic.startswith("b."):
        return _TARGET.sub("target", line)
    plain = _WRITTEN_BACK.sub("]", line)
    if core in _ONE_FUSED:
        return _FUSED_FLOATS.sub(_widening, plain)
    return _FUSED.sub(r"ml\1\2", plain) if core in _IN_ORDER else plain


def _widening(fused: re.Match[str]) -> str:
    """`smlal` of the same registers; one element can only be of the first sixteen."""
    sign, places, register, element = fused.groups()
    factor = f"v{register}.4h" if element is None else f"v{int(register) % 16}.h[{element}]"
    return f"sml{sign}l{places}.4h, {factor}"


def _run(command: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(list(command), input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:300])
        msg = f"{command[0]} ended with {done.returncode}: {first}"
        raise ToolError(msg, remedy="install it again")
    return done
