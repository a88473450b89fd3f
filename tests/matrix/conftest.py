"""Each project of the matrix, built once in every variant."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.matrix.outcome import Outcome, build_outcomes
from tests.matrix.variants import VARIANTS
from tests.workers import LastingExecutor

PROJECTS = Path(__file__).parent / "projects"
_PREPARE = "import pathlib, prepare; prepare.main(pathlib.Path())"


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, workers: LastingExecutor
) -> dict[str, Outcome]:
    """Variant -> what became of the project `request.param`, which makes its own data and weights."""
    root = shutil.copytree(PROJECTS / request.param, tmp_path_factory.mktemp("matrix") / request.param)
    if (root / "prepare.py").exists():
        subprocess.run([sys.executable, "-c", _PREPARE], cwd=root, check=True)
    file = root / "edgebuild.yaml"
    targets = [variant.profile() for variant in VARIANTS]
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "targets": targets}, sort_keys=False))
    return build_outcomes(file, workers)
