"""How many samples a second the built-in loop trains, by the numbers and the memory layout it computes in."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from letters.model import build
from measuring.results import Result, publish

from edgebuild.model.split import as_split
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

SAMPLES, ROUNDS = 4096, 5
SETTINGS = TrainSettings(epochs=1, batch_size=128, optimizer="adamw", keep_best=False)
HOW = (
    f"One epoch of {SAMPLES:,} images of chance through the network of `benchmarks/letters/model.py`, batches of 128, "
    f"one thread, the loop of edgebuild itself; the four ways take turns, {ROUNDS} rounds, the best of each."
)


def main() -> None:
    """Time the four ways in turns."""
    ways = list(product(("fp32", "bf16"), (False, True)))
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way in ways:
            best[way] = min(best[way], seconds(*way))
    plain = best[ways[0]]
    publish(
        "train_speed",
        "Speed of training",
        HOW,
        [
            Result(
                f"{precision}, channels {'last' if last else 'first'}",
                SAMPLES / taken,
                "samples/s",
                detail=f"{plain / taken:.2f} times the speed of fp32 with channels first",
            )
            for (precision, last), taken in best.items()
        ],
    )


def seconds(precision: str, last: bool) -> float:
    """Of an epoch; the first steps of a process are slower, and are in all of them alike."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((SAMPLES, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 26, SAMPLES)
    root = Path(__file__).parent
    split = as_split("train", (images, labels), root)
    settings = replace(SETTINGS, precision=precision, channels_last=last)
    validation = ({"input": images[:128]}, labels[:128])
    start = time.perf_counter()
    train(build(), split, validation, settings, 1, 1, Silent(), root)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
