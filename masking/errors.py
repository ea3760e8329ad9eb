"""The one fault of this package. Its message never holds any part of the text that was scanned."""

from __future__ import annotations


class MaskingError(Exception):
    """Masking did not finish, so nothing may be shown (fail closed)."""
