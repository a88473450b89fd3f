"""These tests need cross compilers and emulators."""

from __future__ import annotations

import pytest

from tests.emulated.needed import skip_without_emulators


@pytest.fixture(autouse=True, scope="session")
def _emulators() -> None:
    skip_without_emulators()
