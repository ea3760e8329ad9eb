"""What a button carries: ids and a MAC, never data. A click is believed only when the MAC says that we made this very button (T27).

Bound: platform, team (or tenant), channel (or conversation), request, card version, and what the button does. The channel
and team come from the platform's signed callback, not from the value, so a value copied elsewhere does not open. Deliberately
absent: who may press it. Pure but for the key.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.core.ids import RequestId
from bot.core.preview import Button

Mac = Callable[[str, bytes], bytes]
"""``KeyProvider.mac``: (purpose, data) to 32 bytes."""

PURPOSE: Final = "chat-button-v1"
_VALUE: Final = re.compile(
    r"1\.(?P<request>req_[0-9A-Za-z]{1,40})\.(?P<version>[0-9]{1,9})\.(?P<button>[a-z_]{1,16})\.(?P<mac>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card stands: ``slack``/``teams``, the team or tenant, the channel or conversation."""

    platform: str
    team: str
    channel: str


@dataclass(frozen=True, slots=True)
class Click:
    request: RequestId
    version: int
    button: Button


def seal(mac: Mac, place: Place, click: Click) -> str:
    """The button's value, at most 140 characters."""
    tag = base64.urlsafe_b64encode(mac(PURPOSE, _bytes(place, click))).rstrip(b"=").decode()
    return f"1.{click.request}.{click.version}.{click.button.value}.{tag}"


def unseal(mac: Mac, place: Place, value: object) -> Click | None:
    """The click that *value* stands for, when we made it for *place*; else None."""
    if not isinstance(value, str) or len(value) > 200:
        return None
    match = _VALUE.fullmatch(value)
    if match is None or match["button"] not in set(Button):
        return None
    click = Click(RequestId(match["request"]), int(match["version"]), Button(match["button"]))
    return click if hmac.compare_digest(seal(mac, place, click).encode(), value.encode()) else None


def _bytes(place: Place, click: Click) -> bytes:
    """Length-prefixed fields, so that no two different clicks share bytes."""
    fields = (
        place.platform,
        place.team,
        place.channel,
        click.request,
        str(click.version),
        click.button.value,
    )
    return b"".join(len(field.encode()).to_bytes(4, "big") + field.encode() for field in fields)
