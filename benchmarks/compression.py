"""Every way to compress a network, alone and composed, on EMNIST Letters: what is lost, what the files gain.

It trains for more than an hour. What is done is kept in `benchmarks/.edgebuild/`, so that a second run goes on there.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from letters import cases as ways
from letters.cases import CASES, CRITERIA, EVERY, FORMATS, LITERT, baseline_project, project, target_name
from letters.peers import Baseline, Peer, measure_peers
from measuring.files import file_macs
from measuring.interleaved import Timed, time_in_turns
from measuring.letters import need_letters, test_accuracy
from measuring.remembered import Remembered, Task
from measuring.results import Result, Table, publish
from measuring.stages import artifact_of, run_stages, write_project

from edgebuild.bench.statistics import Interval
from edgebuild.config.project import Project
from edgebuild.export.format import read_export
from edgebuild.graph.assemble import BASELINE, DATA, TargetStages, target_stages
from edgebuild.graph.result import BuildResult
from edgebuild.package.container.pack import pack_file

HERE = Path(__file__).resolve().parent
WORK = HERE / ".edgebuild" / "compression"
WEIGHTS = WORK / "cases" / "baseline.safetensors"
MODULES = [(name, (HERE / "letters" / f"{name}.py").read_text()) for name in ("model", "data", "fewer")]
LEAST_ACCURACY, MINUTES = 95.3, 12.0
MAC_SHARE, PRUNING_LOSS, LATENCY_SHARE = 40.0, 0.2, 70.0
PTQ_LOSS, QAT_LOSS = 0.3, 0.1


@dataclass(frozen=True)
class Built:
    """One case in one format.

    Attributes:
        macs: multiply-accumulates, counted from the file's shapes.
        size: bytes of the file; `shipped`: of its container.
        accuracy: percent of the test part.
        broken: claims that the file does not hold.
        timed: on this host; None before it was.
    """

    folder: Path
    macs: int
    size: int
    shipped: float
    accuracy: float
    broken: tuple[str, ...]
    timed: Timed | None = None

    def latency(self) -> Interval:
        """In ms."""
        assert self.timed is not None
        return self.timed.latency


Files = Mapping[str, Mapping[str, Built]]
"""Name of a case -> profile -> what was built."""


def main() -> None:
    """Build all cases, measure their files, hold them against what is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="stages at once, each in one thread; default: 2")
    arguments = parser.parse_args()
    need_letters("compression")
    baseline, minutes = train_baseline()
    files = build_all(arguments.jobs)
    peers = measure_peers(baseline, WORK / "peers", Remembered(WORK / "measured.json"))
    timed = time_all(files)
    publish(
        "compression",
        "Compressing a residual network, every method alone and composed",
        HOW,
        [*promises(timed, minutes), *criteria(timed), *against_peers(timed, peers)],
        [case_table(timed), peer_table(timed, peers)],
    )


def train_baseline() -> tuple[Baseline, float]:
    """Train the network from nothing; it, with the project that compresses it, and the minutes of its training."""
    trained = run_stages(write_project(WORK, baseline_project(), MODULES), [BASELINE])
    WEIGHTS.parent.mkdir(exist_ok=True)
    shutil.copyfile(artifact_of(trained, BASELINE) / "weights.safetensors", WEIGHTS)
    opened = open_project(all_samples=False)
    folders = run_stages(opened, [BASELINE])
    baseline = Baseline(artifact_of(folders, BASELINE), artifact_of(folders, DATA), opened)
    return baseline, float(trained[BASELINE].seconds or 0) / 60


def open_project(*, all_samples: bool) -> Project:
    """The project of the cases that train with so many samples."""
    folder = WORK / ("all" if all_samples else "cases")
    return write_project(folder, project(WEIGHTS, all_samples=all_samples), MODULES)


def build_all(jobs: int) -> Files:
    """Build and verify all cases, and measure their files."""
    remembered = Remembered(WORK / "measured.json")
    files: dict[str, dict[str, Built]] = {case.name: {} for case in EVERY}
    for all_samples in (False, True):
        opened = open_project(all_samples=all_samples)
        stages = {target.name: target_stages(target) for target in opened.targets}
        result = run_stages(opened, [ids.verify for ids in stages.values()], jobs)
        folders = [artifact_of(result, ids.export) for ids in stages.values()]
        remembered.measure_all([task for folder in folders for task in tasks_of(folder)], jobs)
        for number, case in enumerate(EVERY):
            names = {profile: target_name(number, profile) for profile in case.formats}
            found = {profile: stages[name] for profile, name in names.items() if name in stages}
            files[case.name] |= {profile: measured(result, ids, remembered) for profile, ids in found.items()}
    return files


def measured(result: BuildResult, ids: TargetStages, remembered: Remembered) -> Built:
    """What one target's file costs, how good it is, and which claims it does not hold."""
    claims = json.loads((artifact_of(result, ids.verify) / "verify.json").read_text())["claims"]
    folder = artifact_of(result, ids.export)
    file = folder / read_export(folder).file
    shipped, accuracy = (remembered.once(task.file, task.name, task.measure) for task in tasks_of(folder))
    return Built(
        folder,
        file_macs(file),
        file.stat().st_size,
        shipped,
        accuracy,
        tuple(proof["claim"]["claim"] for proof in claims if not proof["holds"]),
    )


def tasks_of(folder: Path) -> tuple[Task, Task]:
    """What takes long to measure of an exported file: bytes of its container, and accuracy."""
    file = folder / read_export(folder).file
    return Task(file, "shipped", partial(shipped_size, file)), Task(file, "accuracy", partial(test_accuracy, folder))


def shipped_size(file: Path) -> int:
    """Bytes of the container of a file."""
    return len(pack_file(file))


def time_all(files: Files) -> Files:
    """All cases of the table in turns, one runtime after the other."""
    timed: dict[str, dict[str, Built]] = {name: dict(row) for name, row in files.items()}
    names = [case.name for case in CASES]
    for profile in FORMATS:
        times = time_in_turns({name: files[name][profile].folder for name in names if profile in files[name]})
        for name, found in times.items():
            timed[name][profile] = replace(timed[name][profile], timed=found)
    return timed


def promises(files: Files, minutes: float) -> list[Result]:
    """What the methods must reach; accuracies are lost against the float file of the same runtime."""
    whole, pruned = files[ways.FLOAT.name], files[ways.PRUNE_LONG.name]
    accuracy = whole[LITERT].accuracy
    share = 100 * pruned[LITERT].macs / whole[LITERT].macs
    results = [
        Result(
            "baseline, test part: points below what is promised", LEAST_ACCURACY - accuracy, "", 0, f"{accuracy:.2f} %"
        ),
        Result("training of the baseline", minutes, "min", MINUTES, "2 threads"),
        Result("structured pruning: MACs left in the file", share, "%", MAC_SHARE),
    ]
    for profile, runtime in FORMATS.items():
        loss = whole[profile].accuracy - pruned[profile].accuracy
        results.append(Result(f"structured pruning: lost, {runtime}", loss, "points", PRUNING_LOSS))
    for profile, runtime in FORMATS.items():
        results.append(latency_promise(whole[profile], pruned[profile], share, runtime))
    for case, limit in ((ways.PTQ, PTQ_LOSS), (ways.QAT, QAT_LOSS)):
        for profile, runtime in FORMATS.items():
            loss = whole[profile].accuracy - files[case.name][profile].accuracy
            results.append(Result(f"{case.name}: lost, {runtime}", loss, "points", limit))
    results += [composition(files, profile) for profile in FORMATS]
    broken = {f"{name}: {', '.join(one.broken)}" for name, row in files.items() for one in row.values() if one.broken}
    count = sum(len(row) for row in files.values())
    return [*results, Result("files that do not hold a claim", len(broken), "", 0, "; ".join(broken) or f"of {count}")]


def latency_promise(whole: Built, pruned: Built, share: float, runtime: str) -> Result:
    """How much of the MACs that went is gone from the time."""
    before, after = whole.latency(), pruned.latency()
    gain = 100 * (1 - after.value / before.value)
    seen = 100 * gain / (100 - share)
    detail = (
        f"{seen:.0f} % of the gain in MACs; {shown(before)} -> {shown(after)} ms, float32, 1 thread, "
        f"{before.value / after.value:.2f} times faster"
    )
    name = f"structured pruning: percent of the gain in MACs not seen as latency, {runtime}"
    return Result(name, 100 - seen, "%", 100 - LATENCY_SHARE, detail)


def composition(files: Files, profile: str) -> Result:
    """What the composed plan loses, beyond what its steps lose alone, added up."""
    whole = files[ways.FLOAT.name][profile].accuracy
    alone = {case.name: whole - files[case.name][profile].accuracy for case in (ways.PRUNE, ways.QAT, ways.DISTIL)}
    composed = whole - files[ways.COMPOSED.name][profile].accuracy
    parts = ", ".join(f"{name} {lost:+.2f}" for name, lost in alone.items())
    detail = f"composed {composed:+.2f}; alone {parts}"
    name = f"prune + distil + qat: lost beyond the sum of the three, {FORMATS[profile]}"
    return Result(name, composed - sum(alone.values()), "points", 0, detail)


def criteria(files: Files) -> list[Result]:
    """Every criterion of pruning against chance, cut once to the same MACs and trained for one epoch."""
    found = {case.name: files[case.name][LITERT] for case in CRITERIA}
    (chance,) = (one for name, one in found.items() if name.endswith(" random"))
    whole = files[ways.FLOAT.name][LITERT].macs
    results = []
    for name, one in found.items():
        ahead = one.accuracy - chance.accuracy
        said = "" if one is chance else f"{'beats' if ahead > 0 else 'does NOT beat'} chance by {ahead:+.2f} points; "
        detail = f"{said}{one.macs / whole:.1%} of the MACs"
        results.append(Result(f"{name}, one cut, one epoch", one.accuracy, "%", detail=detail))
    return results


def against_peers(files: Files, peers: list[Peer]) -> list[Result]:
    """How far ours is behind each of the others, at equal size."""
    rows = []
    for peer in peers:
        ours = files[peer.ours][peer.profile].accuracy
        detail = f"{peer.accuracy:.2f} % theirs, {ours:.2f} % ours ({peer.ours})"
        rows.append(Result(f"behind {peer.name}", peer.accuracy - ours, "points", peer.tolerance, detail))
    return rows


def case_table(files: Files) -> Table:
    """One row per case."""
    whole = files[ways.FLOAT.name]
    columns = ["way", "MACs", *(f"{runtime} {what}" for runtime in FORMATS.values() for what in COLUMNS)]
    rows = []
    for case in CASES:
        row: list[str | float | None] = [case.name]
        found = files[case.name]
        macs = next(iter(found.values())).macs
        row.append(f"{macs / 1e6:.2f} M, {macs / whole[LITERT].macs:.0%}")
        for profile in FORMATS:
            one = found.get(profile)
            row += [None] * len(COLUMNS) if one is None else cells(one, whole[profile])
        rows.append(row)
    return Table("All methods and compositions", columns, rows)


COLUMNS = ("accuracy %", "file KiB", "shipped KiB", "ms", "times faster")


def cells(one: Built, whole: Built) -> list[str | float | None]:
    """The columns of one format."""
    latency = one.latency()
    return [
        f"{one.accuracy:.2f}",
        f"{one.size / 1024:.1f}",
        f"{one.shipped / 1024:.1f}",
        shown(latency),
        f"{whole.latency().value / latency.value:.2f}",
    ]


def peer_table(files: Files, peers: list[Peer]) -> Table:
    """Each of the others beside ours."""
    columns = ["tool alone", "version", "accuracy %", "file KiB", "MACs", "ours", "accuracy %", "file KiB", "MACs"]
    rows: list[list[str | float | None]] = []
    for peer in peers:
        ours = files[peer.ours][peer.profile]
        size = None if peer.size is None else f"{peer.size / 1024:.1f}"
        theirs = [peer.name, peer.version, f"{peer.accuracy:.2f}", size, f"{peer.macs / 1e6:.2f} M"]
        rows.append([*theirs, peer.ours, f"{ours.accuracy:.2f}", f"{ours.size / 1024:.1f}", f"{ours.macs / 1e6:.2f} M"])
    return Table("Other tools, each alone, on the same baseline", columns, rows)


def shown(interval: Interval) -> str:
    """A latency with its interval."""
    return f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"


HOW = (
    "A residual network (`benchmarks/letters/model.py`) on EMNIST Letters: 120,000 samples of the training part to "
    "train the baseline and where it says `all samples`, 40,000 of them for all other training, 4,800 others to choose "
    "epochs and cuts by; accuracy is that of the file, in its own runtime, on all 20,800 samples of the test part, "
    "which nothing else has seen: its standard error is 0.15 points, and small differences are chance. MACs are "
    "counted from the file's shapes, `shipped` is the file in edgebuild's container, without the decoder. Latencies "
    "are this host's, one thread, median and 95 % interval; all files of a runtime take turns in one run, five "
    "processes each. Pruning is to at most 40 % of the MACs."
)


if __name__ == "__main__":
    main()
