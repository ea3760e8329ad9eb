from __future__ import annotations

from tests.desk.conftest import desk

__all__ = ["desk"]
