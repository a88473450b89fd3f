"""Every method on every family of networks, in plans, to both formats: proved in the file and run on all samples.

What a format cannot do is named by its rules, and listed here: a new one fails the test, and so does one that went away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.compress.families import Family
from tests.compress.family_zoo import BUILDERS

SHORT = {"epochs": 1}
PLANS: dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    "cut": (
        "int8-dynamic",
        [
            ("prune", {"keep": {"macs": 0.7}, "round_to": 4, "finetune": SHORT}),
            ("factorize", {"rank": {"macs": 0.9}, "round_to": 2, "finetune": SHORT}),
            ("prune", {"kind": "n_m", "pattern": "2:4", "finetune": SHORT}),
            ("quantize", {"kind": "dynamic"}),
        ],
    ),
    "taught": (
        "int8",
        [
            ("distil", {"student": "family_zoo:student", "epochs": 2}),
            ("prune", {"kind": "unstructured", "sparsity": 0.5, "finetune": SHORT}),
            ("cluster", {"clusters": 16, "finetune": SHORT}),
            ("quantize", {"kind": "static", "granularity": "per_tensor"}),
        ],
    ),
    "trained": (
        "int8",
        [("prune", {"keep": {"macs": 0.7}, "round_to": 4, "finetune": SHORT}), ("qat", {"epochs": 2})],
    ),
}


@pytest.fixture(scope="module", params=list(BUILDERS))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """One family, trained."""
    return Family(tmp_path_factory.mktemp(request.param), request.param)
