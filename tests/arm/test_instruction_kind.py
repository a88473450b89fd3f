"""Kinds of A64 instructions, by encodings that an assembler gives."""

from __future__ import annotations

import pytest

from edgebuild.device.qemu_profile import Block, BlockProfile
from edgebuild.estimate.arm.instruction_kind import Kind, counts_by_kind, kind_of

ENCODED: dict[str, tuple[int, Kind]] = {
    "add x0, x1, x2": (0x8B020020, "integer"),
    "add x0, x1, #4": (0x91001020, "integer"),
    "madd x0, x1, x2, x3": (0x9B020C20, "multiply"),
    "udiv x0, x1, x2": (0x9AC20820, "multiply"),
    "lsl x0, x1, x2": (0x9AC22020, "integer"),
    "b.ne #-4": (0x54FFFFE1, "branch"),
    "cbz x0, #8": (0xB4000040, "branch"),
    "ret": (0xD65F03C0, "branch"),
    "svc #0": (0xD4000001, "system"),
    "mrs x0, TPIDR_EL0": (0xD53BD040, "system"),
    "ldr x0, [x1]": (0xF9400020, "load"),
    "ldrsw x0, [x1]": (0xB9800020, "load"),
    "str x0, [x1]": (0xF9000020, "store"),
    "ldp x0, x1, [x2], #16": (0xA8C10440, "load"),
    "stp x0, x1, [x2]": (0xA9000440, "store"),
    "ldr q0, [x0]": (0x3DC00000, "vector_load"),
    "str q0, [x0]": (0x3D800000, "vector_store"),
    "ldp q0, q1, [x0]": (0xAD400400, "vector_load"),
    "stp d2, d3, [x4], #16": (0x6C810C82, "vector_store"),
    "ld1 { v0.2s }, [x19], #8": (0x0CDF7A60, "vector_load"),
    "st1 { v0.2s }, [x19]": (0x0C007A60, "vector_store"),
    "fmla v0.4s, v1.4s, v2.4s": (0x4E22CC20, "float_multiply_add"),
    "fmla v0.4s, v1.4s, v2.s[0]": (0x4F821020, "float_multiply_add"),
    "fmul v0.4s, v1.4s, v2.4s": (0x6E22DC20, "vector"),
    "fmul v0.4s, v1.4s, v2.s[0]": (0x4F829020, "vector"),
    "smlal v0.8h, v1.8b, v2.8b": (0x0E228020, "integer_multiply_add"),
    "mla v0.4s, v1.4s, v2.4s": (0x4EA29420, "integer_multiply_add"),
    "smull v0.4s, v1.4h, v2.h[0]": (0x0F42A020, "integer_multiply_add"),
    "sdot v0.4s, v1.16b, v2.16b": (0x4E829420, "dot_product"),
    "sdot v0.4s, v1.16b, v2.4b[0]": (0x4F82E020, "dot_product"),
    "add v0.16b, v1.16b, v2.16b": (0x4E228420, "vector"),
    "sadalp v0.4s, v1.8h": (0x4E606820, "vector"),
    "fmadd s0, s1, s2, s3": (0x1F020C20, "scalar_float"),
    "scvtf s0, w0": (0x1E220000, "scalar_float"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_an_instruction_is_of_its_kind(name: str) -> None:
    word, kind = ENCODED[name]
    assert kind_of(word) == kind


def test_executed_instructions_are_counted_by_kind() -> None:
    add, fused = ENCODED["add x0, x1, x2"][0], ENCODED["fmla v0.4s, v1.4s, v2.4s"][0]
    profile = BlockProfile((Block(0, 3, (0, 0), (add, fused)), Block(8, 10, (0, 0), (fused,))), ())
    assert counts_by_kind(profile) == {"float_multiply_add": 13, "integer": 3}
    assert sum(counts_by_kind(profile).values()) == profile.instructions
