"""The log's second signature: ML-DSA-44 over the newest head, hourly, for the day on which Ed25519 is no longer believed.

Decided here: that it is made like a memory of the head (``bot.anchoring``: paced, retried, an alarm when it lags), and what comes
back is one more signature line, kept beside the head it covers. A head covers all before it, so one an hour is enough; one a commit would
be 2.4 KiB and a millisecond each. It is no memory outside: whoever takes the key folder has both keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from audit.checkpoint import MlDsaSigner, parse_checkpoint, split_note


class SecondSignature:
    """``Anchor`` that signs. It has nothing to be asked for: what it made stands in the database."""

    name = "mldsa"

    def __init__(self, signer: MlDsaSigner, now: Callable[[], datetime]) -> None:
        self._signer = signer
        self._now = now

    async def remember(self, checkpoint: str) -> str:
        """The signature line over *checkpoint*, a head of the log by whose name the key is called."""
        head = parse_checkpoint(split_note(checkpoint)[0])
        return self._signer.cosign(head, int(self._now().timestamp()))

    async def recall(self) -> None:
        return None
