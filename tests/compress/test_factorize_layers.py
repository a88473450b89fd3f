"""What can be replaced is found, and what cannot is named with its reason."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgebuild.compress.factorize.layers import Layer, LeftAlone, find_layers
from edgebuild.errors import ConfigError
from edgebuild.model.edits import replay
from edgebuild.model.edits.factorize import factorize_edit, replace_module
from edgebuild.model.seeding import seeded
from tests.compress.factor_zoo import build
from tests.compress.workshop import image

NO_WEIGHT = "AttributeError: 'Sequential' object has no attribute 'weight'"


def made(network: str) -> nn.Module:
    with seeded(0):
        return build(network).eval()


def found(network: str, *skipped: str) -> tuple[list[Layer], list[LeftAlone]]:
    return find_layers(made(network), image(), skipped)


def test_every_layer_that_stays_whole_has_its_reason() -> None:
    layers, alone = found("difficult", "body.stem")
    assert [layer.name for layer in layers] == ["body.plain", "head"]
    assert {one.layer.removeprefix("body."): one.reason for one in alone} == {
        "stem": "skip",
        "one": "its weight is shared with another layer",
        "tied": "its weight is shared with another layer",
        "depthwise": "a depthwise convolution has nothing to share",
        "grouped": "it has 2 groups",
        "padded": "a Padded has a forward of its own",
        "normed": "its weight is computed, not stored",
        "up": "a ConvTranspose2d is not factorized",
        "read": f"the model's code needs the layer itself: {NO_WEIGHT}",
        "idle": "the model does not call it",
        "attention": "a MultiheadAttention is not factorized",
        "attention.out_proj": "nn.MultiheadAttention reads its weight without calling it",
    }


def test_the_search_leaves_the_model_as_it_is() -> None:
    model = made("torch_encoder")
    before = model(*image())
    find_layers(model, image())
    assert torch.equal(model(*image()), before)
    assert isinstance(model.get_submodule("encoder.layers.0.linear1"), nn.Linear)


def test_a_layer_inside_torchs_own_encoder_is_called_in_its_fast_path_too() -> None:
    names = [layer.name for layer in found("torch_encoder")[0]]
    assert [name for name in names if "encoder" in name] == [
        f"encoder.layers.{number}.linear{which}" for number in (0, 1) for which in (1, 2)
    ]
    model = made("torch_encoder")
    layer = model.get_submodule("encoder.layers.0.linear1")
    replace_module(model, layer, nn.Sequential(nn.Linear(16, 4, bias=False), nn.Linear(4, 64)))
    with torch.no_grad():
        model.get_submodule("encoder.layers.0.linear1.1").bias.fill_(100.0)
        assert not torch.allclose(model(*image()), made("torch_encoder")(*image()), atol=1e-2)


def test_calls_are_counted_by_layer_and_not_by_name() -> None:
    assert [layer.calls for layer in found("twice")[0] if layer.name == "body.again"] == [((1, 8, 8), (1, 8, 8))]
    assert [layer.name for layer in found("alias")[0]] == ["body.stem.0", "body.one", "head"]
    assert [layer.calls for layer in found("alias")[0]][1] == ((1, 8, 8), (1, 8, 8))
    assert next(layer.calls for layer in found("encoder")[0] if layer.name == "qkv") == ((8,),)


def test_factors_stand_under_every_name_of_the_layer() -> None:
    model = made("alias")
    factors = [
        {"type": "Conv2d", "in_channels": 16, "out_channels": 4, "kernel_size": [3, 3], "padding": [1, 1]},
        {"type": "Conv2d", "in_channels": 4, "out_channels": 16, "kernel_size": [1, 1]},
    ]
    replay(model, [factorize_edit("body.one", "svd", [4], factors)])
    assert model.get_submodule("body.one") is model.get_submodule("body.other.0")
    assert not model.get_submodule("body.one.0").training
    model(*image())


@pytest.mark.parametrize(
    ("layer", "channels", "message"),
    [
        ("body.nowhere", (16, 16), "factorize does not fit layer 'body.nowhere': there is no such layer"),
        ("head", (16, 16), "factorize does not fit layer 'head': it is a Linear, not a Conv2d"),
        ("body.one", (8, 16), "factorize does not fit layer 'body.one': it has 16 input and 16 output channels"),
    ],
)
def test_an_edit_for_another_model_is_refused(layer: str, channels: tuple[int, int], message: str) -> None:
    first = {"type": "Conv2d", "in_channels": channels[0], "out_channels": 4, "kernel_size": [1, 1]}
    last = {"type": "Conv2d", "in_channels": 4, "out_channels": channels[1], "kernel_size": [1, 1]}
    with pytest.raises(ConfigError, match=message):
        replay(made("alias"), [factorize_edit(layer, "svd", [4], [first, last])])
