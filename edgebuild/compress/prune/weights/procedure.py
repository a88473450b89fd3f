"""Setting weights to zero: score, mask, train, and again, until as much is zero as was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.constraints.zeros import KeepZeros, pairs_of
from edgebuild.compress.layer_names import named_by
from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightScoring
from edgebuild.compress.prune.weights.masks import pattern_masks, unstructured_masks
from edgebuild.compress.prune.weights.parameters import Pattern, Unstructured, WeightPruning
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.compress.training import Training
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Zeroed:
    """A model with weights set to zero.

    Attributes:
        masks: by parameter: 1 where it may be anything, 0 where it is zero.
        asked: layers whose weights could be chosen.
        transposed: those of the model that are transposed convolutions.
        total: weights that could have been chosen.
        left_alone: layer -> why none of its weights could.
        cuts: share of the weights that was zero after each cut, and the quality after the training behind it.
        history: one list of rows for each training.
    """

    masks: Mapping[str, torch.Tensor]
    asked: tuple[str, ...]
    transposed: frozenset[str]
    total: int
    left_alone: Mapping[str, str]
    before: Measurement
    after: Measurement
    cuts: Sequence[Mapping[str, float]]
    history: Sequence[Sequence[Mapping[str, Any]]]

    def zeros(self) -> dict[str, int]:
        """Parameter -> how many of its weights are zero by the mask; only those that have any."""
        counts = {name: int((mask == 0).sum()) for name, mask in self.masks.items()}
        return {name: count for name, count in counts.items() if count}


def set_to_zero(
    model: torch.nn.Module,
    parameters: WeightPruning,
    scale: Scale,
    training: Training,
    seed: int,
    earlier: Mapping[str, torch.Tensor],
) -> Zeroed:
    """Set weights of `model` to zero and train it, in place; what the masks `earlier` hold at zero stays so.

    Raises:
        ConfigError: there is no weight to set to zero, or a pattern of `skip` matches nothing.
    """
    weights, left_alone = candidates(model, parameters)
    if not weights:
        raise _nothing_to_prune(parameters, left_alone)
    before = scale.measure(model)
    procedure = _Procedure(model, weights, parameters, training, earlier)
    cuts: list[dict[str, float]] = []
    for number, share in enumerate([1.0] if parameters.learns() else parameters.cuts()):
        if parameters.learns():
            procedure.learn()
        else:
            procedure.cut(share, seed + number)
        after = scale.measure(model)
        cuts.append({"sparsity": procedure.sparsity(), "quality": after.quality})
    masks = {**earlier, **procedure.masks}
    total = sum(weight.numel() for weight in weights.values())
    return Zeroed(
        masks=masks,
        asked=tuple(name.removesuffix(".weight") for name in weights),
        transposed=frozenset(name for name, module in model.named_modules() if _is_transposed(module)),
        total=total,
        left_alone=left_alone,
        before=before,
        after=after,
        cuts=cuts,
        history=procedure.history,
    )


class _Procedure:
    """What stays the same from cut to cut, and the masks so far."""

    def __init__(
        self,
        model: torch.nn.Module,
        weights: Mapping[str, torch.nn.Parameter],
        parameters: WeightPruning,
        training: Training,
        earlier: Mapping[str, torch.Tensor],
    ) -> None:
        import torch

        self._model, self._weights, self._parameters, self._training = model, weights, parameters, training
        tune = parameters.finetune
        self._epochs = tune.between * (len(parameters.cuts()) - (not parameters.learns())) + tune.epochs
        self._epochs_done = 0
        self.masks = {name: earlier[name] if name in earlier else torch.ones_like(one) for name, one in weights.items()}
        self.history: list[list[dict[str, Any]]] = []

    def sparsity(self) -> float:
        """Share of the weights that is zero by the masks."""
        zeros = sum(int((mask == 0).sum()) for mask in self.masks.values())
        return zeros / sum(mask.numel() for mask in self.masks.values())

    def cut(self, share: float, seed: int) -> None:
        """Set to zero what is due, and train."""
        score = WEIGHT_IMPORTANCES.get(self._parameters.importance).score
        assert score is not None, "criteria that learn their masks do not cut"
        scoring = WeightScoring(
            self._model,
            self._weights,
            lambda: self._training.batches(self._parameters.samples),
            self._training.loss(),
            seed,
        )
        self._set(self._choose(score(scoring), share))
        finetune = self._parameters.finetune
        self._train(self._training, finetune.epochs if share >= 1 else finetune.between, KeepZeros(self.masks))

    def learn(self) -> None:
        """Learn the masks over as many epochs as lie between the cuts of other criteria, then train with the last ones.

        The masks are learned to the end: an epoch with fewer zeros may have had a better loss.
        """
        learned = WEIGHT_IMPORTANCES.get(self._parameters.importance).learned
        assert learned is not None, "only criteria that learn their masks are asked"
        masks = learned(self._weights, self._choose, self._parameters.due)
        finetune = self._parameters.finetune
        self._train(self._training.to_the_end(), finetune.between * len(self._parameters.cuts()), masks)
        self._set(masks.masks)
        self._train(self._training, finetune.epochs, KeepZeros(self.masks))

    def _choose(self, scores: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
        return _choose(self._parameters, scores, self.masks, share)

    def _set(self, masks: dict[str, torch.Tensor]) -> None:
        self.masks = masks
        for parameter, mask in pairs_of(self._model, masks):
            parameter.data.mul_(mask)  # from here on, also where no epoch follows

    def _train(self, training: Training, epochs: int, addition: Addition) -> None:
        start = self._epochs_done / max(self._epochs, 1)
        self._epochs_done += epochs
        rows = training.tune(self._model, epochs, start, self._epochs_done / max(self._epochs, 1), [addition])
        self.history.append([row.to_json() for row in rows])


def candidates(
    model: torch.nn.Module, parameters: WeightPruning
) -> tuple[dict[str, torch.nn.Parameter], dict[str, str]]:
    """Parameters that may lose weights, by dotted name, and layer -> why it may not."""
    from torch import nn

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    skipped = set(named_by(parameters.skip, [name for name, _ in model.named_modules()]))
    own = dict(model.named_parameters())
    found: dict[str, nn.Parameter] = {}
    alone: dict[str, str] = {}
    of = parameters.stay_of()[1] if isinstance(parameters, Pattern) else 0
    for layer, module in model.named_modules():
        if not isinstance(module, kinds) and not _is_transposed(module):
            continue
        name = f"{layer}.weight" if layer else "weight"
        if layer in skipped:
            alone[layer] = "it is skipped"
        elif name not in own:
            alone[layer] = "its weight is computed, or is that of another layer"
        elif of and _is_transposed(module):
            alone[layer] = "a transposed convolution has its input channels elsewhere"
        elif of and own[name].shape[1] < of:
            alone[layer] = f"it reads {own[name].shape[1]} input channels a group, fewer than {of}"
        else:
            found[name] = own[name]
    return found, alone


def _is_transposed(module: torch.nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)


def _choose(
    parameters: WeightPruning, scores: Mapping[str, torch.Tensor], before: Mapping[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """The next masks: what is zero stays zero, and goes first."""
    ranked = {name: score.masked_fill(before[name] == 0, float("-inf")) for name, score in scores.items()}
    if isinstance(parameters, Pattern):
        chosen = pattern_masks(ranked, *parameters.stay_of())
    else:
        assert isinstance(parameters, Unstructured), "there are two kinds"
        local = parameters.scope == "local"
        chosen = unstructured_masks(ranked, share * parameters.sparsity, parameters.max_ratio, local=local)
    return {name: mask * (before[name] != 0) for name, mask in chosen.items()}


def _nothing_to_prune(parameters: WeightPruning, left_alone: Mapping[str, str]) -> ConfigError:
    reasons = "; ".join(f"{layer}: {why}" for layer, why in left_alone.items())
    msg = f"prune: the model has no weights that could be set to zero{f' ({reasons})' if reasons else ''}"
    remedy = "take the step out of the plan" + (", or skip less" if parameters.skip else "")
    return ConfigError(msg, remedy=remedy)
