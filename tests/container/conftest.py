"""Files of every kind that a container may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


def sparse(rows: int, columns: int, width: int, seed: int = 0) -> bytes:
    """A pruned and clustered tensor: most numbers zero, the others of seven values; some columns are emptier."""
    random = np.random.default_rng(seed)
    density = 0.1 * np.exp(random.normal(0, 1, columns))
    kept = random.random((rows, columns)) < density
    values = random.normal(0, 40, 7).round().astype({1: "<i1", 2: "<f2", 4: "<f4"}[width])
    chosen = values[random.integers(0, 7, (rows, columns))]
    chosen[~kept] = 0
    return chosen.tobytes()


CASES: dict[str, bytes] = {
    "one byte": b"x",
    "zeros": bytes(5000),
    "text": b"flatbuffers repeat themselves, with few bytes changed. " * 40,
    "every byte": bytes(range(256)) * 3,
    "noise": np.random.default_rng(1).bytes(3000),
    "odd floats": np.random.default_rng(2).normal(size=700).astype("<f4").tobytes() + b"abc",
    "sparse": sparse(40, 60, 1),
    "ones": b"\xff" * 700 + b"\x00" * 9,
}


@pytest.fixture(params=sorted(CASES))
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "plain.bin"
    file.write_bytes(CASES[request.param])
    return file
