"""Profiles of networks on emulated boards: exported, run in the emulator, remembered between two runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgebuild.bench.board.litert import LiteRTOnBoard
from edgebuild.config.device import Device
from edgebuild.device.connect import connected
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.device.qemu_profile import Block, BlockProfile, cache_arguments
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.runtime.litert_flatbuffer import read_model, serialize_model
from measuring.arm_rows import BOARDS, Row
from measuring.as_published import add_post_processing, let_layers_pad
from measuring.networks import DETECTORS, NETWORKS

WORK = Path(__file__).resolve().parents[1] / ".edgebuild" / "arm"
CALIBRATION = 2
"""Random pictures that int8 ranges are taken from; time does not depend on them."""


def network_file(folder: Path, network: str, dtype: str) -> Path:
    """The .tflite of a network, exported once: float32, or static int8 by the default recipe of ai-edge-quantizer."""
    file = folder / f"{network}.{dtype}.tflite"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _export(folder, network)
    return file


def _export(folder: Path, network: str) -> None:
    import litert_torch
    import torch
    from ai_edge_quantizer import quantizer, recipe

    build, side = NETWORKS[network]
    torch.manual_seed(0)
    picture = torch.zeros(1, side, side, 3)
    float_file = folder / f"{network}.fp32.tflite"
    module = litert_torch.to_channel_last_io(build().eval(), args=[0])
    litert_torch.convert(module, (picture,)).export(str(float_file))
    maker = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    chance = np.random.default_rng(0)
    shape = (1, side, side, 3)
    samples = [{"args_0": chance.standard_normal(shape, dtype=np.float32)} for _ in range(CALIBRATION)]
    made = maker.quantize(maker.calibrate({"serving_default": samples}))
    (folder / f"{network}.int8.tflite").write_bytes(made.quantized_model)
    for file in (float_file, folder / f"{network}.int8.tflite"):
        model = read_model(file)
        let_layers_pad(model)
        if network in DETECTORS:
            add_post_processing(model)
        file.write_bytes(serialize_model(model))


def random_input(file: Path) -> dict[str, np.ndarray]:
    """One sample for a file with one input, as `FileOnBoard` takes it."""
    from ai_edge_litert.interpreter import Interpreter

    (detail,) = Interpreter(model_path=str(file)).get_input_details()
    chance = np.random.default_rng(0)
    shape = (1, *detail["shape"])
    if detail["dtype"] == np.int8:
        return {detail["name"]: chance.integers(-128, 128, shape, dtype=np.int8)}
    return {detail["name"]: chance.standard_normal(shape, dtype=np.float32)}


@contextmanager
def emulated(name: str, board: LinuxBoard) -> Iterator[tuple[QemuUserTransport, Device]]:
    """A board that no device file describes."""
    device = Device(name=name, transport="qemu-user", options=board.model_dump(mode="json"))
    with connected(device) as transport:
        assert isinstance(transport, QemuUserTransport)
        yield transport, device


class Profiles:
    """Profiles of rows; each network is emulated once for each core and its caches, and remembered.

    Attributes:
        folder: for files of networks, and for what is remembered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, row: Row) -> BlockProfile:
        """The profile of the network of a row on its board, by the row's kernels."""
        board = BOARDS[row.board]
        file = network_file(self.folder, row.network, row.dtype)
        told = " ".join(
            (hashlib.sha256(file.read_bytes()).hexdigest(), row.kernels, board.cpu, *cache_arguments(board))
        )
        name = f"{row.network}-{row.dtype}-{row.kernels}-{board.cpu}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
        kept = self.folder / f"{name}.json"
        if not kept.is_file():
            with emulated("published-board", board) as (transport, device):
                delegated = row.kernels == "xnnpack"
                found = LiteRTOnBoard(transport, device, file, random_input(file), delegated=delegated).profile()
            save_profile(found, kept)
        return load_profile(kept)


def save_profile(profile: BlockProfile, file: Path) -> None:
    """Write the blocks of a profile."""
    rows = [[block.address, block.times, list(block.missed), list(block.words)] for block in profile.blocks]
    file.write_text(json.dumps(rows))


def load_profile(file: Path) -> BlockProfile:
    """Read what `save_profile` wrote; without the files that were mapped."""
    rows = json.loads(file.read_text())
    blocks = (Block(address, times, tuple(missed), tuple(words)) for address, times, missed, words in rows)
    return BlockProfile(tuple(blocks), ())
