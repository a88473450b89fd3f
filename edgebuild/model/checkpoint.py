"""Checkpoints: a training that was killed goes on where it was, and ends with the bits it would have ended with.

A stage has one folder for them, named by its key, so that what is in it belongs to exactly the inputs, parameters, code
and seed of the stage. Every training of the stage has one file, in the order in which they run; what the stage does
between two trainings is repeated. A file is a safetensors file, numbers that are no tensors in its metadata as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

LAYOUT = 1
_SECONDS = 5.0
"""The least time between two writes."""
_SHARE = 20.0
"""Writing may take one part in so many of the time."""


@dataclass(frozen=True)
class Snapshot:
    """One state of a training: tensors by name, and plain JSON values."""

    tensors: Mapping[str, torch.Tensor]
    values: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one stage; each training takes the next file."""

    def __init__(self, folder: Path) -> None:
        """`folder` is created when something is written."""
        self._folder = folder
        self._taken = 0
        self._next = time.monotonic() + _SECONDS

    def next(self, fingerprint: Mapping[str, Any]) -> Checkpoint:
        """That of the next training of the stage; one whose `fingerprint` (plain JSON) is another is not taken up."""
        self._taken += 1
        return Checkpoint(self, self._folder / f"{self._taken}.safetensors", {**fingerprint, "layout": LAYOUT})

    def due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._next

    def wrote(self, seconds: float) -> None:
        """Note that writing took so long."""
        self._next = time.monotonic() + max(_SECONDS, _SHARE * seconds)

    def remove(self) -> None:
        """Forget all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Checkpoint:
    """The file of one training."""

    def __init__(self, owner: Checkpoints, file: Path, fingerprint: Mapping[str, Any]) -> None:
        self._owner, self._file = owner, file
        self._fingerprint = json.dumps(fingerprint, sort_keys=True)

    def due(self) -> bool:
        """Whether it is time to write: some time has passed, or the training is one that was written before."""
        return self._owner.due()

    def exists(self) -> bool:
        """Whether something was written."""
        return self._file.exists()

    def read(self) -> Snapshot | None:
        """What was written last; None where there is nothing, or nothing that belongs to this training."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._file, framework="pt") as opened:
                metadata = opened.metadata() or {}
                if metadata.get("fingerprint") != self._fingerprint:
                    logger.warning("%s is of another training, it starts anew", self._file.name)
                    return None
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no mapping
            return Snapshot(tensors, json.loads(metadata["values"]))
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            logger.warning("%s cannot be read, its training starts anew: %s", self._file.name, error)
            return None

    def write(self, snapshot: Snapshot) -> None:
        """Write in one piece or not at all; a disk that is full stops the checkpoints, not the training."""
        from safetensors.torch import save_file

        started = time.monotonic()
        metadata = {"fingerprint": self._fingerprint, "values": json.dumps(snapshot.values)}
        unfinished = self._file.with_suffix(".unfinished")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            copies = {name: value.detach().clone().contiguous() for name, value in snapshot.tensors.items()}
            save_file(copies, unfinished, metadata)
            with unfinished.open("rb+") as opened:
                os.fsync(opened.fileno())
            unfinished.replace(self._file)
        except OSError as error:
            logger.warning("no checkpoint could be written: %s", error)
        self._owner.wrote(time.monotonic() - started)


def random_state() -> Snapshot:
    """The global generators of random, numpy and torch."""
    import torch

    name, keys, position, has_gauss, cached = np.random.get_state()
    version, numbers, gauss = random.getstate()
    return Snapshot(
        {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64))},
        {
            "numpy": [str(name), int(position), int(has_gauss), float(cached)],
            "random": [version, list(numbers), gauss],
        },
    )


def set_random_state(snapshot: Snapshot) -> None:
    """Set the global generators as `random_state` found them."""
    import torch

    torch.set_rng_state(snapshot.tensors["torch"])
    name, position, has_gauss, cached = snapshot.values["numpy"]
    keys = snapshot.tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state((name, keys, position, has_gauss, cached))
    version, numbers, gauss = snapshot.values["random"]
    random.setstate((version, tuple(numbers), gauss))
