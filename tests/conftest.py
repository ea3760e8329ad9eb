"""For every test: Hypothesis' examples, and the order of the files.

Hypothesis takes the same examples each time under ``make test``, new ones under ``make soak`` (``SIGNOFF_SOAK=1``). A campaign that
finds something new belongs in a soak, where somebody looks; a build must say the same thing twice.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

settings.register_profile("build", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=2_000, deadline=None)
settings.load_profile("soak" if os.environ.get("SIGNOFF_SOAK") else "build")

_LONGEST: Final = (
    "flows/test_chat_way.py",
    "cli/test_commands.py",
    "adapters/agents/test_schemathesis.py",
    "flows/test_canaries.py",
    "flows/test_console.py",
    "stores/test_sqlite.py",
    "flows/test_kill.py",
    "adapters/test_chat_outage.py",
    "cli/test_restore.py",
    "desk/test_every_door_has_its_entry.py",
    "cli/test_demo.py",
    "desk/test_every_change_has_its_entry.py",
    "flows/test_expiry.py",
    "cli/test_witness.py",
)
"""Each file runs whole on one worker; the long ones go first, so that no worker is left with one at the end."""
_PLACE: Final = {Path(__file__).parent / name: place for place, name in enumerate(_LONGEST)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACE.get(item.path, len(_PLACE)))
