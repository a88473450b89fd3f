"""Every broken project of `config_*/` is refused with exactly the message in its expected.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.config.load import load_project
from edgebuild.config.problem import InvalidConfigError

CASES = sorted(path for path in Path(__file__).parent.glob("config_*") if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_message_is_exact(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    with pytest.raises(InvalidConfigError) as raised:
        load_project(Path("edgebuild.yaml"))
    assert f"{raised.value}\n" == (case / "expected.txt").read_text()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 22
