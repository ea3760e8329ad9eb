"""Nothing remembered from an earlier test may answer for the code under test (mutation testing forks a warm process)."""

from __future__ import annotations

import pytest

from bot.core import condition, globs


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    globs._compiled.cache_clear()
    condition._compiled.cache_clear()
