"""Opened attention computes what torch's own does, in every way that it can be called."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from edgebuild.compress.open_attention import closed_attentions, open_attentions
from edgebuild.model.count import count_model
from edgebuild.model.seeding import seeded

WIDTH, LENGTH = 16, 6


def values(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


class Holder(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 4, **options)

    def forward(self, *arguments: torch.Tensor, **options: Any) -> Any:
        return self.attention(*arguments, **options)


PADDING = torch.arange(LENGTH)[None] >= torch.tensor([[LENGTH], [4]])
CAUSAL = nn.Transformer.generate_square_subsequent_mask(LENGTH)
CALLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"batch_first": True}, {"need_weights": False}),
    ({"batch_first": True, "bias": False}, {"average_attn_weights": False}),
    ({"batch_first": True}, {"key_padding_mask": PADDING}),
    ({"batch_first": True}, {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False}),
    ({"batch_first": True}, {"attn_mask": CAUSAL != 0, "key_padding_mask": PADDING}),
    ({"batch_first": True}, {"attn_mask": values(2 * 4, LENGTH, LENGTH)}),
    ({"batch_first": True, "kdim": 8, "vdim": 12}, {}),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_it_computes_the_same(number: int) -> None:
    options, call = CALLS[number]
    with seeded(1):
        model = Holder(**options).eval()
        nn.init.normal_(model.attention.out_proj.weight)
        if model.attention.in_proj_bias is not None:
            nn.init.normal_(model.attention.in_proj_bias)
    batch_first = options.get("batch_first", False)
    shapes = [(2, LENGTH, width) if batch_first else (LENGTH, 2, width) for width in (WIDTH, WIDTH, WIDTH)]
    given = [values(*shapes[0])] * 3
    if "kdim" in options:
        given = [values(2, LENGTH, WIDTH), values(2, LENGTH, 8), values(2, LENGTH, 12)]
    expected = model(*given, **call)
    opened = copy.deepcopy(model)
    assert open_attentions(opened) == [{"edit": "open_attention", "layer": "attention"}]
    found = opened(*given, **call)
    assert torch.allclose(found[0], expected[0], atol=1e-5)
    assert (found[1] is None) == (expected[1] is None)
    if expected[1] is not None:
        assert torch.allclose(found[1], expected[1], atol=1e-6)
    assert sum(p.numel() for p in opened.parameters()) == sum(p.numel() for p in model.parameters())


def test_one_sequence_without_a_batch() -> None:
    with seeded(1):
        model = Holder().eval()
    given = [values(LENGTH, WIDTH)] * 3
    opened = copy.deepcopy(model)
    open_attentions(opened)
    for found, expected in zip(opened(*given), model(*given), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
def test_encoders_of_torch_compute_the_same_and_train_the_same(norm_first: bool) -> None:
    with seeded(2):
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 32, dropout=0.2, batch_first=True, norm_first=norm_first)
        model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    opened = copy.deepcopy(model)
    assert len(open_attentions(opened)) == 2
    x = values(2, LENGTH, WIDTH)
    for training in (False, True):
        results = []
        for one in (model.train(training), opened.train(training)):
            with seeded(3):
                results.append(one(x, src_key_padding_mask=PADDING))
        assert torch.allclose(*results, atol=1e-5) or training
        assert results[0].shape == results[1].shape
    macs = [count_model(one.eval(), (x,)).macs for one in (model, opened)]
    assert macs[0] == macs[1]
    opened.train()(x).sum().backward()
    assert all(parameter.grad is not None for parameter in opened.parameters())


def test_decoders_attend_to_something_else() -> None:
    with seeded(2):
        model = nn.TransformerDecoderLayer(WIDTH, 4, 32, batch_first=True).eval()
    opened = copy.deepcopy(model)
    assert len(open_attentions(opened)) == 2
    given = (values(2, LENGTH, WIDTH), values(2, 4, WIDTH))
    assert torch.allclose(opened(*given), model(*given), atol=1e-5)


class Own(nn.MultiheadAttention):
    def forward(self, *arguments: Any, **options: Any) -> Any:
        return super().forward(*arguments, **options)


def test_what_cannot_be_opened_says_why() -> None:
    first, second = nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2)
    second.in_proj_weight = first.in_proj_weight
    model = nn.ModuleDict(
        {
            "zeros": nn.MultiheadAttention(8, 2, add_zero_attn=True),
            "own": Own(8, 2),
            "first": first,
            "second": second,
            "plain": nn.MultiheadAttention(8, 2),
        }
    )
    assert closed_attentions(model) == {
        "zeros": "it adds keys and values of its own (add_bias_kv or add_zero_attn)",
        "own": "Own has a forward of its own",
        "first": "it shares a weight with another layer",
        "second": "it shares a weight with another layer",
        "plain": None,
    }
    assert [edit["layer"] for edit in open_attentions(model)] == ["plain"]
