"""Every method on every family of networks, in plans: proved in the exported file, and run on all samples.

Every family and every plan is exported to both formats, but not every plan of every family: that would take minutes. What a format cannot do is named by its rules and listed here: a new gap fails the test, and so does one that closed.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.compress.families import Family
from tests.compress.family_zoo import BEHIND_NORMS, BUILDERS

SHORT = {"epochs": 1}
DTYPES = {"cut": "int8-dynamic", "taught": "int8", "trained": "int8"}
LEAST_DB = 30.0
"""Static int8 leaves about 38; a wrong order of channels leaves less than 20."""

PORTABLE = {"undelegated-op"}
"""An embedding, or a layer norm, is computed by a portable kernel."""
FLOAT_BETWEEN = {*PORTABLE, "float-activations", "inner-quantize"}
"""XNNPACK normalises layers and multiplies activations in floating point."""
DEPTHWISE = {"float-weights", "wrong-size"}
"""XNNPACK has no depthwise convolution that quantizes its activations at run time."""
GAPS: dict[tuple[str, str, str], set[str]] = {}


def plan_of(network: str, plan: str) -> list[tuple[str, dict[str, Any]]]:
    """The steps of a plan."""
    prune = ("prune", {"keep": {"macs": 0.7}, "round_to": 4, "finetune": SHORT})
    if plan == "cut":
        return [
            prune,
            ("factorize", {"rank": {"macs": 0.9}, "round_to": 2, "finetune": SHORT}),
            ("prune", {"kind": "n_m", "pattern": "2:4", "finetune": SHORT}),
            ("quantize", {"kind": "dynamic"}),
        ]
    if plan == "taught":
        kinds = {"also": [], "kwargs": {"network": network}}
        return [
            ("distil", {"student": "family_zoo:student", "epochs": 2, **kinds}),
            ("prune", {"kind": "unstructured", "sparsity": 0.5, "finetune": SHORT}),
            ("cluster", {"clusters": 16, "skip": BEHIND_NORMS.get(network, ()), "finetune": SHORT}),
            ("quantize", {"kind": "static", "granularity": "per_tensor"}),
        ]
    return [prune, ("qat", {"epochs": 2})]


@pytest.fixture(scope="module", params=list(BUILDERS))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """One family, trained."""
    return Family(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize("plan", list(DTYPES))
def test_a_plan_is_proved_in_the_file(family: Family, plan: str) -> None:
    turn = list(BUILDERS).index(family.network) + list(DTYPES).index(plan)
    form = ("tflite", "executorch")[turn % 2]
    built = family.export(family.plan(plan, *plan_of(family.network, plan)), form, DTYPES[plan])
    codes = {finding.code: finding.message for finding in built.proof.fatal}
    gaps = GAPS.get((family.network, plan, form), set())
    assert set(codes) == gaps, codes
    assert built.sqnr_db > LEAST_DB
    assert len(built.proof.claims) >= len(DTYPES)
    lost = {str(one.claim["claim"]) for one in built.proof.claims if not one.holds}
    assert lost <= ({"activations_dtype", "weights_dtype"} if gaps else set()), lost
