"""Which callback addresses an agent may name (T34). The network half (addresses, redirects) is the sender's.

An allow-list entry is an absolute URL; a callback is allowed when scheme, host and port are the same and its path is
the entry's path or lies below it. User info, fragments and dot segments are never allowed. An empty list allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

URL_CHARS_MAX: Final = 2048
_PORTS: Final = {"https": 443, "http": 80}


def allowed(url: str, allow_list: Iterable[str]) -> bool:
    """Whether *url* is on *allow_list*."""
    target = _split(url)
    return target is not None and any(_covers(entry, target) for entry in allow_list)


def _covers(entry: str, target: SplitResult) -> bool:
    rule = _split(entry)
    if rule is None or _origin(rule) != _origin(target):
        return False
    base = rule.path.rstrip("/")
    return target.path == base or target.path.startswith(base + "/")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]


def _split(url: str) -> SplitResult | None:
    if len(url) > URL_CHARS_MAX or not url.isascii() or any(c <= " " or c in '\\<>"`{}|^#' for c in url):
        return None
    try:
        parts = urlsplit(url)
        port_is_sane = parts.port is None or parts.port > 0
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or not port_is_sane:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    lowered = parts.path.lower()
    if any(segment in (".", "..") for segment in lowered.replace("%2e", ".").replace("%2f", "/").split("/")):
        return None
    return parts
