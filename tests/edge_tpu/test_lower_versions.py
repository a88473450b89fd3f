"""Versions that the compiler does not know are lowered where that means the same, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from packaging.version import Version

from edgebuild.check.accelerators.edge_tpu.mapping import map_operations
from edgebuild.check.census.tflite import take_structure
from edgebuild.errors import InternalError
from edgebuild.export.tflite import lower_versions as module
from edgebuild.export.tflite.lower_versions import lower_versions
from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model, stored_bytes
from tests.edge_tpu.files import Net, image

RELEASE = Version("2.5")


def versions(data: bytes) -> list[tuple[str, int]]:
    return [(one.name, one.version) for one in take_structure(data, "net.tflite").operations]


def plain(first: int = 6, second: int = 3) -> bytes:
    net = Net()
    return net.data(net.convolution(net.convolution(image(net), 8, version=first), 4, version=second))


def grouped() -> bytes:
    """A convolution in two groups: what version 6 was made for."""
    net = Net()
    x = image(net)
    weight, output = net.weight([8, 3, 3, 2], scales=8), net.tensor((1, 8, 8, 8))
    bias = net.tensor([8], "int32", stored=np.zeros(8), scales=8, scale=0.0005)
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return net.data(net.operation("CONV_2D", [x, weight, bias], [output], 6, **options))


def upsampled(fused: int) -> bytes:
    net = Net()
    x = image(net)
    weight = net.weight([4, 2, 2, 4], scales=4)
    shape, output = net.constant([1, 16, 16, 4]), net.tensor((1, 16, 16, 4))
    options = {"strideH": 2, "strideW": 2, "padding": 1, "fusedActivationFunction": fused}
    return net.data(net.operation("TRANSPOSE_CONV", [shape, weight, x], [output], 4, **options))


def test_a_version_without_a_meaning_of_its_own_is_lowered() -> None:
    data = plain()
    assert map_operations(take_structure(data, "net.tflite")).refusals
    lowered = lower_versions(data, "net.tflite", RELEASE)
    assert lowered.changes == ("CONV_2D 6 -> 3",)
    assert versions(lowered.data) == [("CONV_2D", 3), ("CONV_2D", 3)]
    assert map_operations(take_structure(lowered.data, "net.tflite")).left == ()


def test_the_lowered_file_is_proved_to_compute_the_same_bits() -> None:
    assert "equal bits in every output" in lower_versions(plain(), "net.tflite", RELEASE).proof


def test_a_lowered_file_that_computes_something_else_is_our_bug_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof must be able to fail: the file is damaged behind the lowering, as a wrong writer would."""

    def spoilt(model: object) -> bytes:
        data = serialize_model(model)
        again = parse_model(data, "net.tflite")
        weight = stored_bytes(again, again.subgraphs[0].tensors[1])
        assert weight is not None
        again.buffers[again.subgraphs[0].tensors[1].buffer].data = weight[::-1].copy()
        return serialize_model(again)

    monkeypatch.setattr(module, "serialize_model", spoilt)
    with pytest.raises(InternalError, match="lowering versions of operations changed output"):
        lower_versions(plain(), "net.tflite", RELEASE)


def test_a_file_that_the_compiler_knows_is_left_as_it_is() -> None:
    data = plain(3, 3)
    lowered = lower_versions(data, "net.tflite", RELEASE)
    assert (lowered.data, lowered.changes, lowered.proof) == (data, (), "")


def test_groups_need_the_version_they_have() -> None:
    data = grouped()
    assert lower_versions(data, "net.tflite", RELEASE).data == data


@pytest.mark.parametrize(("fused", "version"), [(0, 2), (1, 4)])
def test_an_activation_fused_into_a_transposed_convolution_needs_version_4(fused: int, version: int) -> None:
    lowered = lower_versions(upsampled(fused), "net.tflite", RELEASE)
    assert versions(lowered.data) == [("TRANSPOSE_CONV", version)]


def test_an_operation_that_nothing_is_known_of_stays() -> None:
    net = Net()
    data = net.data(net.operation("GELU", [image(net)], [net.tensor((1, 8, 8, 4))], 2))
    assert lower_versions(data, "net.tflite", RELEASE).data == data
