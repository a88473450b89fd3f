"""What weight sharing did: claims, codebooks, and one sentence for the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.cluster.layers import Candidates, distinct_values
from edgebuild.compress.cluster.parameters import Cluster

if TYPE_CHECKING:
    import torch

STEP = "cluster"


def claims_of(weights: Mapping[str, torch.Tensor], parameters: Cluster) -> list[dict[str, Any]]:
    """For every layer, how many values its weight has at most, or a channel of it: never more than were asked."""
    each = {"per": "channel"} if parameters.scope == "per_channel" else {}
    return [
        {
            "claim": "distinct_values",
            "step": STEP,
            "layer": name.removesuffix(".weight"),
            "maximum": min(distinct_values(weight, parameters.scope), parameters.size()),
            **each,
        }
        for name, weight in weights.items()
    ]


def extra_of(
    found: Candidates,
    parameters: Cluster,
    folded: Sequence[Mapping[str, Any]],
    lost: tuple[float, float],
    unit: str,
) -> dict[str, Any]:
    """What model.json says; `lost` is quality before and after the training of the codebooks.

    A codebook of a layer is written down; those of channels are in the weights.
    """
    sizes = {name: distinct_values(weight, parameters.scope) for name, weight in found.weights.items()}
    total = sum(weight.numel() for weight in found.weights.values())
    what = "a layer" if parameters.scope == "per_layer" else "an output channel"
    fewest, most = min(sizes.values()), max(sizes.values())
    values = f"{most}" if fewest == most else f"{fewest} to {most}"
    norms = f"{len(folded)} batch norm{'' if len(folded) == 1 else 's'} folded; " if folded else ""
    at_first, at_last = (f"{abs(one):.4g} {unit} {'lost' if one > 0 else 'gained'}" for one in lost)
    effect = (
        f"{norms}{total} weights in {len(sizes)} layers share {values} values "
        f"{what} ({parameters.size()} asked); {at_first}, {at_last} after training"
    )
    account: dict[str, Any] = {"sizes": sizes, "left_alone": dict(found.left_alone), "effect": effect}
    if parameters.scope == "per_layer":
        account["codebooks"] = {
            name: [float(value) for value in weight.detach().unique()] for name, weight in found.weights.items()
        }
    return account
