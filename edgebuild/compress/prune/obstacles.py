"""The errors of pruning: what stands in the way, and what to change."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.prune.cost import Cost
from edgebuild.compress.prune.groups import LeftAlone
from edgebuild.compress.prune.keep import Quantity
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.config.quantity import BYTES
from edgebuild.errors import ConfigError

_SHOWN = 8
_WORDS: dict[Quantity, str] = {"macs": "MACs", "parameters": "parameters", "bytes": "bytes"}


def nothing_to_cut(parameters: Prune, left_alone: Sequence[LeftAlone]) -> ConfigError:
    """No channel of the model can be cut, or rounding leaves every layer as it is."""
    if parameters.ratio is not None:
        asked = f"ratio {parameters.ratio:g}, round_to {parameters.round_to}"
    else:
        asked = f"round_to {parameters.round_to}"
    msg = f"prune: nothing would be cut ({asked}, max_ratio {parameters.max_ratio:g}){listing(left_alone)}"
    return ConfigError(msg, remedy="lower round_to, raise ratio or max_ratio, or take layers out of skip")


def small_enough(parameters: Prune, before: Cost) -> ConfigError:
    """The model takes no more bytes than may remain."""
    keep = parameters.keep
    assert keep is not None
    msg = f"prune.keep.size: {keep.shown()} asked, but the parameters take {BYTES.show(before.bytes)} as they are"
    return ConfigError(msg, remedy="take the prune step out of the plan, or ask for less")


def goal_out_of_reach(parameters: Prune, before: Cost, smallest: Cost, left_alone: Sequence[LeftAlone]) -> ConfigError:
    """With every layer as small as it may be, the model is still larger than asked."""
    keep = parameters.keep
    assert keep is not None
    share = smallest.of(keep.quantity) / before.of(keep.quantity)
    least = f"{share:.3f} of the {_WORDS[keep.quantity]}" if keep.size is None else BYTES.show(smallest.bytes)
    limits = f"round_to {parameters.round_to}, max_ratio {parameters.max_ratio:g}"
    msg = f"prune.keep.{keep.key}: {keep.shown()} asked, but {least} is the least ({limits})"
    remedy = "lower round_to, raise max_ratio, take layers out of skip, or keep more"
    return ConfigError(msg + listing(left_alone), remedy=remedy)


def first_cut_lost_too_much(
    parameters: Prune, scale: Scale, before: Measurement, after: Measurement, lost: float
) -> ConfigError:
    """Already the first cut loses more than the bound, so that there is nothing to keep."""
    unit = "points" if scale.metric.unit == "%" else scale.metric.unit
    found = f"{scale.metric.name} fell from {before.quality:.4g} to {after.quality:.4g}"
    share = after.macs / before.macs
    key, which = ("max_accuracy_drop", "first") if parameters.recover is None else ("recover", "smallest")
    msg = (
        f"prune: the {which} cut, to {share:.1%} of the MACs, lost {lost:.4g} {unit} ({found}); "
        f"at most {parameters.bound():g} allowed ({key}), so nothing was cut"
    )
    smaller = "cut less, in smaller steps (schedule: iterative)," if parameters.recover is None else "lower round_to,"
    remedy = f"{smaller} or train longer (finetune.epochs, finetune.between)"
    return ConfigError(msg, remedy=remedy)


def listing(left_alone: Sequence[LeftAlone]) -> str:
    """The layers that stand in the way, with their reasons; empty where there are none."""
    if not left_alone:
        return ""
    lines = [f"\n    {item.layer}: {_words(item.reason)}" for item in left_alone[:_SHOWN]]
    more = f"\n    and {len(left_alone) - _SHOWN} more" if len(left_alone) > _SHOWN else ""
    return f"; left alone:{''.join(lines)}{more}"


def _words(reason: str) -> str:
    return "named by skip" if reason == "skip" else reason
