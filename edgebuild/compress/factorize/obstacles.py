"""The errors of factorization: what stands in the way, and what to change."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.factorize.layers import LeftAlone
from edgebuild.compress.factorize.parameters import Factorize
from edgebuild.compress.scale import Measurement
from edgebuild.errors import ConfigError

_SHOWN = 8


def nothing_gets_cheaper(parameters: Factorize, left_alone: Sequence[LeftAlone]) -> ConfigError:
    """No layer would become cheaper, so that the step would do nothing."""
    asked = f"kind {parameters.kind}, rank {parameters.rank}, round_to {parameters.round_to}"
    msg = f"factorize: no layer would get cheaper ({asked}){_listing(left_alone)}"
    return ConfigError(msg, remedy="keep less (rank), lower round_to, or take layers out of skip")


def goal_out_of_reach(
    parameters: Factorize, before: Measurement, saved: int, left_alone: Sequence[LeftAlone]
) -> ConfigError:
    """With the smallest rank in every layer, which saves so much, the model is still larger than asked."""
    rank = parameters.rank
    key = rank.goal
    assert key is not None
    words = "MACs" if key == "macs" else "parameters"
    share = 1 - saved / (before.macs if key == "macs" else before.parameters)
    msg = (
        f"factorize.rank.{key}: {getattr(rank, key):g} asked, but {share:.3f} of the {words} is the least "
        f"(kind {parameters.kind}, round_to {parameters.round_to}){_listing(left_alone)}"
    )
    return ConfigError(msg, remedy="lower round_to, take layers out of skip, or keep more")


def _listing(left_alone: Sequence[LeftAlone]) -> str:
    if not left_alone:
        return ""
    lines = [f"\n    {one.layer}: {words_of(one.reason)}" for one in left_alone[:_SHOWN]]
    more = f"\n    and {len(left_alone) - _SHOWN} more" if len(left_alone) > _SHOWN else ""
    return f"; left alone:{''.join(lines)}{more}"


def words_of(reason: str) -> str:
    """A reason for people."""
    return "named by skip" if reason == "skip" else reason
