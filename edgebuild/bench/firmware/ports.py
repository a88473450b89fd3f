"""The header that tells the harness where the inputs and outputs of one model are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Ports:
    """Bytes of each input and output of a model, in order."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_ports(sources: Mapping[str, str], prefix: str) -> Ports:
    """Read the sizes that a model's header defines: `MODEL_INPUT_0_BYTES`, `MODEL_OUTPUT_0_BYTES`, ….

    Raises:
        ConfigError: there is no such header, or it defines no input, no output or no arena.
    """
    header = sources.get(f"{prefix}.h", "")
    name = prefix.upper()

    def sizes(kind: str) -> tuple[int, ...]:
        found = re.findall(rf"^\s*#\s*define\s+{name}_{kind}_(\d+)_BYTES\s+\(?(\d+)", header, re.MULTILINE)
        return tuple(int(size) for _, size in sorted((int(number), size) for number, size in found))

    ports = Ports(sizes("INPUT"), sizes("OUTPUT"))
    if not ports.inputs or not ports.outputs or f"{name}_ARENA_BYTES" not in header:
        msg = f"{prefix}.h does not define {name}_ARENA_BYTES, {name}_INPUT_0_BYTES and {name}_OUTPUT_0_BYTES"
        raise ConfigError(msg, remedy="take the sources that edgebuild compiled a model to, with the prefix they have")
    return ports


def ports_header(ports: Ports, prefix: str) -> str:
    """The text of harness_ports.h."""
    name = prefix.upper()
    return "\n".join(
        [
            f'#include "{prefix}.h"',
            f"#define HARNESS_ARENA_BYTES {name}_ARENA_BYTES",
            f"#define HARNESS_INPUTS {len(ports.inputs)}u",
            f"#define HARNESS_OUTPUTS {len(ports.outputs)}u",
            f"#define HARNESS_SAMPLE_BYTES {sum(ports.inputs)}u",
            *_table("input", f"{prefix}_input", "void *", ports.inputs),
            *_table("output", f"{prefix}_output", "const void *", ports.outputs),
            "",
        ]
    )


def _table(kind: str, function: str, result: str, sizes: tuple[int, ...]) -> list[str]:
    cases = [f"    case {i}u: return {function}_{i}(arena);" for i in range(len(sizes))]
    return [
        f"static const uint32_t harness_{kind}_bytes[] = {{{', '.join(f'{size}u' for size in sizes)}}};",
        f"static inline {result}harness_{kind}(uint32_t i, void *arena)",
        "{",
        "    switch (i) {",
        *cases,
        "    default: return 0;",
        "    }",
        "}",
    ]
