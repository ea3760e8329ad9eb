"""A small client for agents: ask, wait, redeem, act, report. The standard library only, so that it can be vendored as one file.

client = SignoffClient("https://signoff.example", key)
approved = client.ask("db.export", {"type": "postgres", "id": "prod", "env": "prod"}, {"rows": 3}).wait()
with approved.redeem():
    export()
"""

from __future__ import annotations

from adapters.agents.sdk.client import Asked, NotApproved, Problem, SignoffClient, Spent

__all__ = ["Asked", "NotApproved", "Problem", "SignoffClient", "Spent"]
