"""What kind of instruction a mnemonic is, for Armv6-M to Armv8.1-M (Thumb) and for RV32IMC."""

from __future__ import annotations

import re
from typing import Literal

from edgebuild.estimate.disassembly import Instruction

InstructionClass = Literal[
    "alu",
    "multiply",
    "multiply_long",
    "divide",
    "load",
    "store",
    "block",
    "branch",
    "jump",
    "call",
    "indirect",
    "float",
    "vector",
    "vector_memory",
]
"""`branch` may fall through, `jump` never does, `call` comes back, `indirect` goes where a register says."""

_CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_VECTOR_REGISTER = re.compile(r"\bq[0-7]\b")

_Patterns = tuple[tuple[InstructionClass, str], ...]

_ARM: _Patterns = (
    ("branch", rf"b({_CONDITIONS})$|cbn?z$|le(tp)?$|wls(tp)?$"),
    ("call", r"bl$|blx"),
    ("indirect", r"bx|tb[bh]$"),
    ("jump", r"b$"),
    ("block", r"(ldm|stm|push|pop|vldm|vstm|vpush|vpop|ldrd|strd)"),
    ("load", r"(ldr|vldr|ldrex|pld)"),
    ("store", r"(str|vstr|strex)"),
    ("divide", r"[su]div"),
    ("multiply_long", r"[su]m(ull|lal)(?!d)|umaal"),
    ("multiply", r"(mul|mla|mls|smla|smul|smua|smus|smml|smmu|smls|smlal)"),
    ("float", r"v"),
)
_RISCV: _Patterns = (
    ("branch", r"b(eq|ne|lt|ge|gt|le)(u|z)?$"),
    ("indirect", r"(ret|jr|jalr)$"),
    ("call", r"(jal|call)$"),
    ("jump", r"(j|tail)$"),
    ("load", r"l[bhw]u?$"),
    ("store", r"s[bhw]$"),
    ("divide", r"(div|rem)u?$"),
    ("multiply_long", r"mulh(u|su)?$"),
    ("multiply", r"mul$"),
)


def classify(instruction: Instruction, core: str) -> InstructionClass:
    """The kind of one instruction; what is not named above is `alu`."""
    name = instruction.mnemonic.partition(".")[0]
    if core.startswith("rv32"):
        kind = _first(_RISCV, name)
        return "call" if kind == "indirect" and name == "jalr" else kind
    if name.startswith("v") and _VECTOR_REGISTER.search(instruction.operands):
        return "vector_memory" if name.startswith(("vld", "vst")) else "vector"
    kind = _first(_ARM, name)
    returns = kind in ("block", "load") and re.search(r"\bpc\b[^,\]]*(}|$)|^pc,", instruction.operands)
    return "indirect" if returns and kind == "load" else kind


def _first(patterns: _Patterns, name: str) -> InstructionClass:
    for kind, pattern in patterns:
        if re.match(pattern, name):
            return kind
    return "alu"


def block_registers(instruction: Instruction) -> int:
    """How many words an instruction of the class `block` moves."""
    if instruction.mnemonic.startswith(("ldrd", "strd")):
        return 2
    listed = instruction.operands.partition("{")[2].partition("}")[0]
    count = 0
    for part in filter(None, (part.strip() for part in listed.split(","))):
        first, _, last = part.partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last and last[1:].isdigit() and first[1:].isdigit() else 1
    return count


def returns_by_block(instruction: Instruction) -> bool:
    """Whether a block load ends in the program counter, which leaves the function."""
    return "pc" in instruction.operands.partition("{")[2]
