"""Finds personal data and secrets in text and JSON, and writes text that may be shown.

    from masking import Engine
    Engine().mask_text("mail ann@example.org").text   # 'mail [EMAIL_ADDRESS_1]'

Knows nothing of bots. Only :mod:`masking.worker` and :mod:`masking.cli` touch the outside world.
"""

from __future__ import annotations

from masking.config import CustomRecognizer, EngineConfig
from masking.document import Finding, MaskedDocument, MaskedLeaf
from masking.engine import Engine
from masking.errors import MaskingError
from masking.masked import Masked
from masking.operators import Operator
from masking.spans import Span
from masking.worker import Worker

__all__ = [
    "CustomRecognizer",
    "Engine",
    "EngineConfig",
    "Finding",
    "Masked",
    "MaskedDocument",
    "MaskedLeaf",
    "MaskingError",
    "Operator",
    "Span",
    "Worker",
]
