"""Weights of few values as indices: counted in the linked image, smaller in flash, and found out where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.firmware.build import build_firmware
from edgebuild.bench.firmware.codebooks import check_codebooks, stored_values
from edgebuild.bench.firmware.measure import MeasuredModel, measure_model
from edgebuild.device.qemu_system import board_of
from edgebuild.export.c.compile import CompileOptions, codebook_layers, compile_model
from tests.emulated.boards import board
from tests.mcu.compiler.flatbuffer import ModelBuilder

CORE = "cortex-m4"
BOARD = board_of(board(CORE))
OPTIONS = CompileOptions(core=CORE, codebooks=True)
VALUES = 12


def clustered() -> bytes:
    """A 1x1 convolution whose weights have 12 distinct values, of 8 KiB that become 4, and nothing else."""
    builder = ModelBuilder()
    generator = np.random.default_rng(6)
    source, target = builder.tensor((1, 3, 3, 64), "int8", 0.1, 3), builder.tensor((1, 3, 3, 128), "int8", 4.0, 0)
    few = generator.choice(generator.permutation(np.arange(-127, 128))[:VALUES], (128, 1, 1, 64)).astype(np.int8)
    weights = builder.tensor(few.shape, "int8", 0.02, 0, few)
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [source, weights], [target], 3, **options)
    return builder.build([source], [target])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> MeasuredModel:
    (port,) = compile_model(clustered(), "model.tflite", CompileOptions()).inputs
    samples = {port.name: np.random.default_rng(0).integers(-128, 128, (2, 3, 3, 64), dtype=np.int8)}
    return measure_model(clustered(), OPTIONS, board(CORE), samples, tmp_path_factory.mktemp("measured"))


def test_flash_falls_and_no_output_changes(measured: MeasuredModel, tmp_path: Path) -> None:
    assert measured.exact, measured.findings
    (note,) = [finding for finding in measured.findings if finding.code == "codebooks"]
    assert note.severity == "note"
    assert note.message.startswith(f"weights of 1 layer are 4-bit indices into at most {VALUES} values in the image: ")
    whole = compile_model(clustered(), "model.tflite", CompileOptions(core=CORE))
    assert measured.run.flash_bytes < build_firmware(whole.files, "model", BOARD, tmp_path).flash.model
    assert f"{measured.run.flash_bytes} B of flash with them" in note.message


def test_the_values_are_counted_in_the_image(measured: MeasuredModel, tmp_path: Path) -> None:
    (layer,) = codebook_layers(measured.choice.compiled)
    firmware = build_firmware(measured.choice.compiled.files, "model", BOARD, tmp_path)
    assert stored_values(firmware, layer.symbol) == VALUES


def test_what_was_asked_and_is_not_in_the_image_is_found(tmp_path: Path) -> None:
    whole = compile_model(clustered(), "model.tflite", CompileOptions(core=CORE))
    firmware = build_firmware(whole.files, "model", BOARD, tmp_path)
    finding = check_codebooks(firmware, whole, clustered(), OPTIONS, BOARD)
    assert (finding.severity, finding.message) == ("fatal", "codebooks asked, but no layer of the firmware has one")
