"""LLVM's tools for tests: skipped where they are missing, except where a CI job runs."""

from __future__ import annotations

import os
import shutil

import pytest

from edgebuild.device.toolchain import APT_LINE
from edgebuild.estimate.arm.schedule import SCHEDULER

needs_llvm = pytest.mark.skipif(
    "CI" not in os.environ and shutil.which(SCHEDULER) is None,
    reason=f"no scheduling models of Arm cores; as root: {APT_LINE} llvm-19",
)
