"""The programs that tests of microcontrollers need: skipped without them, except where a CI job runs the tests."""

from __future__ import annotations

import os
import shutil

import pytest

from edgebuild.device.toolchain import APT_LINE, PACKAGES

MISSING = [name for name in (*PACKAGES, "clang") if shutil.which(name) is None]
SKIPPED = bool(MISSING) and "CI" not in os.environ
REASON = f"missing: {', '.join(MISSING)}; as root: {APT_LINE} {' '.join(PACKAGES.get(one, one) for one in MISSING)}"

needs_emulators = pytest.mark.skipif(SKIPPED, reason=REASON)


def skip_without_emulators() -> None:
    """Skip the running test where programs are missing."""
    if SKIPPED:
        pytest.skip(REASON)
