"""Random state that follows one seed and leaves no trace behind."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of random, numpy and (where it is imported already) torch; restored afterwards.

    They are there for the user's code; our own code draws from generators of its own.
    """
    states = np.random.get_state(), random.getstate()
    torch = sys.modules.get("torch")
    torch_state = None if torch is None else torch.get_rng_state()
    np.random.seed(seed)
    random.seed(seed)
    if torch is not None:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
        if torch is not None:
            torch.set_rng_state(torch_state)


@contextlib.contextmanager
def deterministic(seed: int, threads: int) -> Iterator[None]:
    """`seeded`, and torch with its deterministic algorithms on `threads` threads; restored afterwards.

    Torch then also fills all memory that it takes, which shows who reads before writing, at a tenth of a training's
    time; that is off.
    """
    import torch

    extras: Any = torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), extras.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    extras.fill_uninitialized_memory = False
    try:
        with seeded(seed):
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        extras.fill_uninitialized_memory = before[2]
