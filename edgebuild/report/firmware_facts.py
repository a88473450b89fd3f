"""What a report says of a model on an emulated microcontroller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerCount:
    """Instructions of one layer in one inference on the emulated core; `macs` is 0 where none are counted."""

    layer: str
    op: str
    kernel: str
    macs: int
    instructions: int


@dataclass(frozen=True)
class FlashPart:
    """Bytes of flash that one part of the firmware takes."""

    name: str
    bytes: int


@dataclass(frozen=True)
class ArenaBuffer:
    """One buffer of the arena: where it lies, and from which layer to which it is needed.

    Attributes:
        offset, bytes: where it begins in the arena, and its size.
        first_layer, last_layer: both included; -1 is the caller that fills the inputs, one past the last layer the
            caller that reads the outputs.
    """

    name: str
    offset: int
    bytes: int
    first_layer: int
    last_layer: int


@dataclass(frozen=True)
class FirmwareFacts:
    """The model on an emulated microcontroller: what each layer executes, and where every byte is."""

    core: str
    emulator: str
    compiler: str
    samples: int
    layers: tuple[LayerCount, ...]
    flash: tuple[FlashPart, ...]
    memory: tuple[ArenaBuffer, ...]
    arena_bytes: int
    arena_lower_bound: int
