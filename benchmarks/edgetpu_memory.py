"""The Edge TPU compiler's published logs against what `edgebuild inspect --target edge-tpu` estimates.

`edgetpu_logs.csv` has what compilers printed of 55 networks and parts of networks whose layers are known: bytes on the
chip, bytes left there, bytes streamed. `measuring/logged_nets.py` has their layers. `edgetpu_mapping.csv` has how
many operations of each kind they mapped. One part of a source, the seventh of DenseNet-201, is left out: what is
stated of it (3.91 MiB on the chip) is more than its compiled file has (2.36 MiB).

The logs are in public repositories, named by the last column: DFEIF github.com/azaharalam/DFEIF (dfit_ship_tpu),
TPU_Models github.com/pm2550/TPU_Models (five_models/baselines), LibrEdgeTPU github.com/ricardodeazambuja/LibrEdgeTPU
(docs/HARDWARE_ANALYSIS.md), tensorflow-73946 github.com/tensorflow/tensorflow/issues/73946. keti, weather, facenet,
yolo-nhwc and lane-navigation are notes in repositories that the index they were found by does not name. Only numbers
were taken.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from measuring.logged_nets import Layers, logged
from measuring.results import Result, Table, publish

from edgebuild.check.accelerators.edge_tpu.supported import SUPPORTED
from edgebuild.estimate.edge_tpu import memory
from edgebuild.estimate.edge_tpu.memory import CachePlan, plan_cache, usable_bytes

HERE = Path(__file__).parent
MIB = 2**20
NEAR = 0.1
HELD_OUT = "held_out"
"""Family of the networks that were written down after all rules, so that none was read from their logs."""
SMALL_MIB = 0.02
"""Both figures below it count as equal: the logs round to 0.01."""
CANDIDATES = range(0, 161, 4)


@dataclass(frozen=True)
class Log:
    """One network and what its compiler printed, MiB; None where the source does not say."""

    name: str
    family: str
    layers: Layers
    on_chip: float | None
    streamed: float

    def plan(self, per_place: float = memory.PER_PLACE) -> CachePlan:
        """Where its parameters lie, by the estimate."""
        return plan_cache(self.layers, usable_bytes(self.layers, per_place))

    @property
    def filled(self) -> bool:
        """True where the memory was full, so that the log tells how much there was."""
        stated = bool(self.on_chip) and self.streamed > SMALL_MIB
        return stated and self.family != HELD_OUT and bool(self.plan().overflow)


def main() -> None:
    """Compare, fit the one fitted number without each family in turn, count operations."""
    logs = read_logs()
    results = [
        *agreement("on the chip", [(log, log.plan().on_chip / MIB, log.on_chip) for log in logs], 5),
        *agreement("streamed", [(log, log.plan().streamed / MIB, log.streamed) for log in logs], None),
        fitted(logs),
        *left_out(logs),
        held_out(logs),
        covered(logs),
        mapped(),
    ]
    publish(
        "edgetpu_memory",
        "What the Edge TPU compiler's logs say, and what is estimated without it",
        "Logs of compilers 2.0, 14.1 and 16.0 that others published, compared with the layers of the same networks "
        "from their papers. One number was fitted to logs, the bytes that the largest plane takes; it is also fitted "
        "without each family of networks and held against that family. All other rules were chosen by looking at "
        "these logs, which flatters them: bytes of a bias, a scale, a depthwise weight and a stored number of "
        "arithmetic, and the order of caching. Three networks were written down after all of that. Operations are "
        "judged by their names only, for lack of the files; conditions on shapes are not tried.",
        results,
        [table(logs)],
    )


def read_logs() -> list[Log]:
    """Every row of the file with the layers of its network."""
    nets = logged()
    with (HERE / "edgetpu_logs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["log"] for row in rows} <= set(nets), "every log has a network"
    return [
        Log(
            row["log"],
            row["family"],
            nets[row["log"]],
            float(row["on_chip_mib"]) if row["on_chip_mib"] else None,
            float(row["streamed_mib"]),
        )
        for row in rows
    ]


def is_near(estimate: float, truth: float) -> bool:
    """Within a tenth, or both next to nothing."""
    return abs(estimate - truth) <= max(NEAR * truth, SMALL_MIB)


def agreement(name: str, triples: Sequence[tuple[Log, float, float | None]], limit: float | None) -> list[Result]:
    """How many logs are within a tenth, and the mean error of those that state something."""
    known = [(log.name, estimate, truth) for log, estimate, truth in triples if truth is not None]
    far = [f"{name} {estimate:.2f} for {truth:g}" for name, estimate, truth in known if not is_near(estimate, truth)]
    off = [abs(estimate / truth - 1) for _, estimate, truth in known if truth > SMALL_MIB]
    detail = f"{len(known) - len(far)} of {len(known)}; {', '.join(far) or 'none is further off'}"
    return [
        Result(f"{name}: logs more than 10 % off", 100 * len(far) / len(known), "%", limit, detail),
        Result(f"{name}: mean error", 100 * sum(off) / len(off), "%", None, f"largest {100 * max(off):.1f} %"),
    ]


def best_per_place(logs: Sequence[Log]) -> int:
    """The bytes a place that make the estimates of full memories least wrong, by the mean logarithm of their ratios."""

    def wrong(per_place: int) -> float:
        return sum(abs(log(one.plan(per_place).on_chip / MIB / (one.on_chip or 1))) for one in logs)

    return min(CANDIDATES, key=lambda candidate: (wrong(candidate), candidate))


def fitted(logs: Sequence[Log]) -> Result:
    """How far the number in use is from the fit to all full memories."""
    full = [one for one in logs if one.filled]
    found = best_per_place(full)
    return Result("bytes a place in use, away from the fit", abs(memory.PER_PLACE - found), "B", 0, f"{len(full)} logs")


def left_out(logs: Sequence[Log]) -> list[Result]:
    """The largest error of each family whose logs had no part in the fit."""
    full = [one for one in logs if one.filled]
    lines = []
    for family in dict.fromkeys(one.family for one in full):
        found = best_per_place([one for one in full if one.family != family])
        tried = [one for one in full if one.family == family]
        off = [100 * (one.plan(found).on_chip / MIB / (one.on_chip or 1) - 1) for one in tried]
        detail = f"{len(tried)} full memories, {min(off):+.1f} to {max(off):+.1f} % with {found} B a place"
        lines.append(Result(f"{family} left out: largest error on the chip", max(map(abs, off)), "%", None, detail))
    return lines


def held_out(logs: Sequence[Log]) -> Result:
    """The largest error of the networks that no rule was read from."""
    off = {
        one.name: 100 * (one.plan().on_chip / MIB / (one.on_chip or 1) - 1) for one in logs if one.family == HELD_OUT
    }
    detail = ", ".join(f"{name} {error:+.1f} %" for name, error in off.items())
    return Result("no rule from their logs: largest error on the chip", max(map(abs, off.values())), "%", 10, detail)


def covered(logs: Sequence[Log]) -> Result:
    """How often the figure's interval holds what the log says."""
    stated = [one for one in logs if one.on_chip is not None]
    inside = 0
    for one in stated:
        sizes = [one.plan().on_chip, *(plan_cache(one.layers, usable).on_chip for usable in memory.USABLE)]
        low, high = memory.interval(sizes)
        inside += low - 0.005 * MIB <= (one.on_chip or 0) * MIB <= high + 0.005 * MIB
    return Result(
        "on the chip: inside the interval", 100 * inside / len(stated), "%", None, f"{inside} of {len(stated)}"
    )


def mapped() -> Result:
    """Operations that the table of supported ones puts elsewhere than the compiler did."""
    with (HERE / "edgetpu_mapping.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    total = sum(int(row["count"]) for row in rows)
    wrong: dict[str, int] = {}
    for row in rows:
        guess = int(row["count"]) if row["operator"] in SUPPORTED else 0
        if guess != int(row["mapped"]):
            name = f"{row['log']} ({row['reason']})"
            wrong[name] = wrong.get(name, 0) + abs(guess - int(row["mapped"]))
    detail = f"{total} operations of {len({row['log'] for row in rows})} logs; "
    detail += ", ".join(f"{count} of {name}" for name, count in wrong.items())
    return Result("operations put elsewhere than by the compiler", 100 * sum(wrong.values()) / total, "%", 5, detail)


def table(logs: Sequence[Log]) -> Table:
    """One row a log."""
    columns = ("log", "family", "on the chip, MiB", "estimated", "error, %", "streamed, MiB", "estimated streamed")
    rows = []
    for one in logs:
        plan = one.plan()
        error = 100 * (plan.on_chip / MIB / one.on_chip - 1) if one.on_chip else None
        said = [one.on_chip, round(plan.on_chip / MIB, 3), None if error is None else round(error, 1)]
        rows.append((one.name, one.family, *said, one.streamed, round(plan.streamed / MIB, 3)))
    return Table("Log by log", columns, rows)


if __name__ == "__main__":
    main()
