"""The compiled hot loops, where they were built (``native/*.c``); everything works without them, slower.

``available`` says which it is and ``reason`` why, for those who explain an installation. Both ways give the same
spans with the same scores: ``tests/masking/test_native.py`` compares them. A binary of another version than this
Python code is left alone.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

VERSION: Final = 12
"""What the Python side expects of ``NATIVE_VERSION``."""


def _load() -> tuple[Any, str]:
    try:
        module: Any = importlib.import_module("masking._native")
    except ImportError:
        return None, "not built: install gcc and Python's headers, then run `make native`"
    if module.VERSION != VERSION:
        return None, f"built for version {module.VERSION} of the loops, this is {VERSION}: run `make native`"
    return module, "built and in use"


_MODULE, reason = _load()
available: Final[bool] = _MODULE is not None
letters_type: Final[Any] = _MODULE.Letters if available else None
tagger_type: Final[Any] = _MODULE.Tagger if available else None
run_finder_type: Final[Any] = _MODULE.RunFinder if available else None
scanner_type: Final[Any] = _MODULE.Scanner if available else None
search: Final[Any] = _MODULE.search if available else None
"""One program of ``masking.program`` by itself, to be held beside ``re``."""
