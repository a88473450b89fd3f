"""Ways to compress the residual network: what `benchmarks/compression.py` builds, each as a plan for two runtimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring.letters import LETTERS, NORMALIZATION

from edgebuild.compress.prune.importance import IMPORTANCES

KEEP = 0.4
"""Share of the multiply-accumulates that pruning may leave."""
ROUND_TO = 8
PRUNE_RATE = 0.004
"""Learning rate of training after channels were cut: that of the first training, as the rest has much to learn."""
RATE = 0.002
"""Learning rate of training after layers were factorized or weights zeroed; less where little changes."""
FINE_RATE = 0.0003

TRAIN = 40_000
"""Samples of an epoch of most training after the baseline's: a third of what that one has seen."""

Step = Mapping[str, Any]
TEACHER = {"teacher": "baseline", "temperature": 2, "weight": 0.7}
STATIC: Step = {"quantize": {"kind": "static"}}
LITERT, EXECUTORCH = "raspberry-pi-4", "android-arm64"
FORMATS = {LITERT: "LiteRT", EXECUTORCH: "ExecuTorch"}
"""Profile -> the runtime of its file."""


def prune(importance: str, between: int, epochs: int, round_to: int = ROUND_TO, **more: Any) -> Step:
    """Structured pruning to `KEEP` of the MACs, in two cuts with training after each; in one where `between` is 0."""
    schedule = {"schedule": "iterative", "steps": 2} if between else {}
    finetune = {"between": between, "epochs": epochs, "learning_rate": PRUNE_RATE, **more}
    table = {"importance": importance, "keep": {"macs": KEEP}, "round_to": round_to, "finetune": finetune}
    return {"prune": table | schedule}


def factorize(kind: str, rank: Any, epochs: int = 3, **more: Any) -> Step:
    """Low-rank factors in place of layers, trained on."""
    return {"factorize": {"kind": kind, "rank": rank, "finetune": {"epochs": epochs, "learning_rate": RATE, **more}}}


def qat(epochs: int = 2, **more: Any) -> Step:
    """Training in int8."""
    return {"qat": {"epochs": epochs, "learning_rate": FINE_RATE, **more}}


def sparse(sparsity: float, **more: Any) -> Step:
    """Single weights to zero, in two cuts with training after each."""
    table = {"kind": "unstructured", "sparsity": sparsity, "schedule": "cubic", "steps": 2}
    return {"prune": {**table, "finetune": {"between": 1, "epochs": 3, "learning_rate": RATE, **more}}}


def cluster(epochs: int = 2, **more: Any) -> Step:
    """16 shared values for every layer."""
    return {"cluster": {"clusters": 16, "finetune": {"epochs": epochs, "learning_rate": FINE_RATE, **more}}}


def student(epochs: int) -> Step:
    """A network with half of the channels, taught by the baseline."""
    small = {"student": "model:build", "kwargs": {"stem": 8, "middle": 16, "last": 40}}
    return {"distil": {**small, **TEACHER, "epochs": epochs, "learning_rate": 0.004}}


def with_keys(step: Step, **more: Any) -> Step:
    """A step of pruning with more keys in its table."""
    return {"prune": {**step["prune"], **more}}


PRUNED = prune("l1", 1, 6)
FEEDBACK = with_keys(
    prune("l1", 1, 5),
    schedule="feedback",
    steps=2,
    recover=0.4,
    sparsify={"kind": "group_lasso", "weight": 0.001, "epochs": 2, "learning_rate": FINE_RATE},
)
"""Channels are made small before they are cut, and a cut that costs more than 0.4 points is taken back."""
TAUGHT = prune("l1", 1, 6, distil=TEACHER)
"""Pruning with the baseline as the teacher of the training after it."""
TWO_OF_FOUR: Step = {"prune": {"kind": "n_m", "finetune": {"epochs": 2, "learning_rate": RATE}}}
TAUGHT_AGAIN: Step = {"distil": {**TEACHER, "epochs": 2, "learning_rate": FINE_RATE}}


@dataclass(frozen=True, eq=False)
class Case:
    """One way to compress.

    Attributes:
        name: in the table.
        plan: the steps of the targets.
        dtype: of the exported files.
        formats: profiles of the files; one where only that format has it.
        all_samples: of the training part are trained with, not only `TRAIN`.
    """

    name: str
    plan: Sequence[Step]
    dtype: str = "int8"
    formats: tuple[str, ...] = tuple(FORMATS)
    all_samples: bool = False


FLOAT = Case("float32", (), "fp32")
PTQ = Case("quantize: static", (STATIC,))
QAT = Case("qat", (qat(),))
DISTIL = Case("distil, itself", (TAUGHT_AGAIN,), "fp32")
PRUNE = Case("prune", (PRUNED,), "fp32")
PRUNE_DISTIL = Case("prune with a teacher", (TAUGHT,), "fp32")
PRUNE_LONG = Case(
    "prune with a teacher, all samples, 16 channels",
    (prune("l1", 0, 18, 16, distil=TEACHER, learning_rate=0.006),),
    "fp32",
    all_samples=True,
)
"""What is promised of pruning: multiples of 16 are what the kernels of both runtimes like on this host."""
COMPOSED = Case("prune with a teacher, then qat with it", (TAUGHT, qat(distil=TEACHER)))

_LITERT = (LITERT,)
INT4 = "int4-weight-only"


def _static(name: str, **more: Any) -> Case:
    return Case(f"quantize: static, {name}", ({"quantize": {"kind": "static", **more}},))


QUANTIZED = (
    PTQ,
    *(_static(name, calibration={"method": name}) for name in ("moving_average", "percentile", "mse", "entropy")),
    _static("equalize", equalize=True),
    _static("correct_bias", correct_bias=True),
    _static("first and last in float", skip_first=True, skip_last=True),
    _static("mixed, a fifth in float", mixed={"share": 0.2}),
    Case("quantize: dynamic", ({"quantize": {"kind": "dynamic"}},), "int8-dynamic", _LITERT),
    Case("quantize: weight_only", ({"quantize": {"kind": "weight_only"}},), "int8-weight-only", _LITERT),
    Case("quantize: weight_only, 4 bits", ({"quantize": {"kind": "weight_only", "weights": "int4"}},), INT4, _LITERT),
    Case(
        "quantize: weight_only, 4 and 8 bits mixed",
        ({"quantize": {"kind": "weight_only", "weights": "int4", "mixed": {"accuracy_drop": 0.2}}},),
        INT4,
        _LITERT,
    ),
    Case("quantize: 16x8", ({"quantize": {"kind": "static", "activations": "int16"}},), "int16x8", _LITERT),
    Case("fp16", (), "fp16", _LITERT),
    QAT,
)
ALONE = (
    PRUNE,
    Case("prune, then static", (PRUNED, STATIC)),
    Case("prune: by sensitivity", (with_keys(PRUNED, scope="sensitivity"),), "fp32"),
    Case("prune: group lasso, then with feedback", (FEEDBACK,), "fp32"),
    Case("prune: unstructured 80 %, then static", (sparse(0.8), STATIC)),
    Case("prune: 2:4, then static", (TWO_OF_FOUR, STATIC)),
    *(
        Case(f"factorize: {kind}, {said}, then static", (factorize(kind, rank), STATIC))
        for kind, rank, said in (
            ("svd", {"macs": 0.5}, "half"),
            ("tucker2", {"macs": 0.5}, "half"),
            ("spatial_svd", {"macs": 0.6}, "60 %"),
            ("auto", {"macs": 0.5}, "half"),
            ("auto", "vbmf", "vbmf"),
        )
    ),
    DISTIL,
    Case("distil: a student, then static", (student(10), STATIC)),
    Case("cluster 16, then static", (cluster(), {"quantize": {"kind": "static", "granularity": "per_tensor"}})),
)
COMPOSITIONS = (
    PRUNE_DISTIL,
    PRUNE_LONG,
    Case("prune with a teacher, then static", (TAUGHT, STATIC)),
    COMPOSED,
    Case(
        "prune with a teacher, 60 % zeros, cluster, static",
        (
            TAUGHT,
            sparse(0.6, distil=TEACHER),
            cluster(distil=TEACHER),
            {"quantize": {"kind": "static", "granularity": "per_tensor"}},
        ),
    ),
    Case(
        "prune and factorize with a teacher, then qat",
        (TAUGHT, factorize("auto", {"macs": 0.75}, distil=TEACHER), qat(distil=TEACHER)),
    ),
    Case("a student, then qat with its teacher", (student(10), qat(distil=TEACHER))),
)
CRITERIA = tuple(Case(f"prune by {name}", (prune(name, 0, 1),), "fp32", _LITERT) for name in IMPORTANCES.names())
"""Each criterion of pruning, cut once and trained for one epoch."""

CASES = (FLOAT, *QUANTIZED, *ALONE, *COMPOSITIONS)
"""In the order of the table."""
EVERY = tuple(dict.fromkeys((*CASES, *CRITERIA)))


def baseline_project() -> dict[str, Any]:
    """The network trained from nothing, in two threads."""
    return {**_project(), "threads": 2, "targets": [LITERT]}


def project(weights: Path, *, all_samples: bool) -> dict[str, Any]:
    """The trained network, and a target for every such case and format; each stage in one thread."""
    found = _project()
    if not all_samples:
        found["data"]["function"] = "fewer:load"
        found["data"]["kwargs"]["train"] = TRAIN
    found["model"]["weights"] = str(weights)
    found["targets"] = [
        {
            "extends": profile,
            "target": target_name(number, profile),
            "export": {"dtype": case.dtype, "io": "float32"},
            "plan": list(case.plan),
            "budgets": {"accuracy_drop": None},
            "runtime": {"oldest": None},
        }
        for number, case in enumerate(EVERY)
        for profile in case.formats
        if case.all_samples == all_samples
    ]
    return found


def _project() -> dict[str, Any]:
    return {
        "name": "compression",
        "seed": 1,
        "threads": 1,
        "model": {"factory": "model:build", "inputs": ["image"], "outputs": ["scores"]},
        "data": {
            "function": "data:load",
            "kwargs": {"file": str(LETTERS), "validation": 4800},
            "depends": [str(LETTERS)],
            "normalization": NORMALIZATION,
        },
        "metric": "accuracy",
        "train": {
            "epochs": 10,
            "batch_size": 128,
            "optimizer": "adamw",
            "learning_rate": 0.004,
            "weight_decay": 0.02,
            "warmup_epochs": 0.5,
            "schedule": "cosine",
            "label_smoothing": 0.1,
            "precision": "bf16",
            "channels_last": True,
        },
    }


def target_name(number: int, profile: str) -> str:
    """Of the case with that number."""
    return f"case-{number}-{profile}"
