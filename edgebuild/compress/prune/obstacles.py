"""The errors of pruning: what stands in the way, and what to change."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.prune.cost import Cost
from edgebuild.compress.prune.groups import LeftAlone
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.errors import ConfigError

_SHOWN = 8


def nothing_to_cut(parameters: Prune, left_alone: Sequence[LeftAlone]) -> ConfigError:
    """No channel of the model can be cut, or rounding leaves every layer as it is."""
    if parameters.ratio is not None:
        asked = f"ratio {parameters.ratio:g}, round_to {parameters.round_to}"
    else:
        asked = f"round_to {parameters.round_to}"
    msg = f"prune: nothing would be cut ({asked}, max_ratio {parameters.max_ratio:g}){_listing(left_alone)}"
    return ConfigError(msg, remedy="lower round_to, raise ratio or max_ratio, or take layers out of skip")


def goal_out_of_reach(
    parameters: Prune, before: Measurement, smallest: Cost, left_alone: Sequence[LeftAlone]
) -> ConfigError:
    """With every layer as small as it may be, the model is still larger than asked."""
    keep = parameters.keep
    assert keep is not None
    name = "macs" if keep.macs is not None else "parameters"
    asked = keep.macs if keep.macs is not None else keep.parameters
    least = smallest.macs / before.macs if keep.macs is not None else smallest.parameters / before.parameters
    limits = f"round_to {parameters.round_to}, max_ratio {parameters.max_ratio:g}"
    words = "MACs" if name == "macs" else "parameters"
    msg = f"prune.keep.{name}: {asked:g} asked, but {least:.3f} of the {words} is the least ({limits})"
    remedy = "lower round_to, raise max_ratio, take layers out of skip, or keep more"
    return ConfigError(msg + _listing(left_alone), remedy=remedy)


def first_cut_lost_too_much(
    parameters: Prune, scale: Scale, before: Measurement, after: Measurement, lost: float
) -> ConfigError:
    """Already the first cut loses more than the bound, so that there is nothing to keep."""
    unit = "points" if scale.metric.unit == "%" else scale.metric.unit
    found = f"{scale.metric.name} fell from {before.quality:.4g} to {after.quality:.4g}"
    share = after.macs / before.macs
    msg = (
        f"prune: the first cut, to {share:.1%} of the MACs, lost {lost:.4g} {unit} ({found}); "
        f"at most {parameters.max_accuracy_drop:g} allowed (max_accuracy_drop), so nothing was cut"
    )
    remedy = "cut less, in smaller steps (schedule: iterative), or train longer (finetune.epochs, finetune.between)"
    return ConfigError(msg, remedy=remedy)


def _listing(left_alone: Sequence[LeftAlone]) -> str:
    if not left_alone:
        return ""
    lines = [f"\n    {item.layer}: {_words(item.reason)}" for item in left_alone[:_SHOWN]]
    more = f"\n    and {len(left_alone) - _SHOWN} more" if len(left_alone) > _SHOWN else ""
    return f"; left alone:{''.join(lines)}{more}"


def _words(reason: str) -> str:
    return "named by skip" if reason == "skip" else reason
