"""Hypothesis: the same examples each time under ``make test``, new ones under ``make soak`` (``SIGNOFF_SOAK=1``).

A campaign that finds something new belongs in a soak, where somebody looks; a build must say the same thing twice.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("build", derandomize=True, deadline=None)
settings.register_profile("soak", max_examples=2_000, deadline=None)
settings.load_profile("soak" if os.environ.get("SIGNOFF_SOAK") else "build")
