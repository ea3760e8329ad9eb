"""A secret that does not show itself: its repr, its str, its format and its pickle hold no character of it (T50).

Deliberately absent: where secrets come from (``config_read``). Whoever needs the value calls ``reveal`` and so can be found.
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, final

SHOWN: Final = "***"


@final
class Secret:
    """One secret string. Equality takes the same time whatever differs."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Never put it into a message, a log line or an exception."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
