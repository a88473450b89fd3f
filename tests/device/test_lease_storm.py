"""Leases while processes that hold them are killed; `benchmarks/leases.py` is the long version."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def test_nothing_is_granted_twice_and_all_is_free_within_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS.parent))
    lease_storm = importlib.import_module("measuring.lease_storm")
    result = lease_storm.storm(tmp_path, processes=6, requests=15, seconds=4, ttl=1.0, seed=3)
    assert result.killed >= 10
    assert result.granted >= 50
    assert (result.double, result.backwards) == (0, 0)
    assert result.seconds_until_free <= 1.0
