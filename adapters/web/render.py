"""Templates and static files, loaded once. Every expression in a template passes ``finalize``: text from outside becomes visible
text, then HTML-escaped text (T12, T13), so that no template can forget. Only ``Markup`` made in ``cards`` passes through.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.core.policy import words
from bot.core.preview import listed
from bot.core.visible import visible
from masking.masked import Masked

HERE: Final = Path(__file__).parent
TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
STATIC: Final[dict[str, bytes]] = {
    path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir()) if path.suffix in TYPES
}
"""The whole list of files that are served: nothing is looked up on disk by a name from outside."""
_DIGESTS: Final = {name: sha256(body).hexdigest()[:12] for name, body in STATIC.items()}


def static_url(name: str) -> str:
    """An address that changes with the content, so that browsers may keep it for ever."""
    return f"/static/{name}?v={_DIGESTS[name]}"


def finalize(value: object) -> object:
    if isinstance(value, Markup):
        return value
    if isinstance(value, Masked):
        return visible(value.text)
    return visible(value) if isinstance(value, str) else value


def block(text: str) -> Markup:
    """Text of several lines: line breaks and tabs stay, everything else invisible is written out."""
    return escape(visible(text, allow="\n\t"))


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def when(at: datetime, *, seconds: bool = False) -> Markup:
    """``23 Nov 21:40`` as a ``<time>`` element with the exact instant."""
    text = at.strftime("%-d %b %H:%M:%S" if seconds else "%-d %b %H:%M")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), utc(at), text)


def day(at: datetime) -> Markup:
    """``23 Nov 2026``, for what lies further back."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), utc(at), at.strftime("%-d %b %Y")
    )


def left(until: datetime, now: datetime) -> Markup:
    """A countdown: right at rendering, ticked by the script afterwards."""
    rest = until - now
    text = "time is up" if rest <= timedelta(0) else f"{clock_face(rest)} left"
    return Markup('<time class="left" data-until="{}" datetime="{}" title="{}">{}</time>').format(
        until.isoformat(), until.isoformat(), utc(until), text
    )


def clock_face(rest: timedelta) -> str:
    """``4:07``, ``1:02:09`` or ``3 days 4 hours``."""
    seconds = max(0, int(rest.total_seconds()))
    if seconds >= 86_400:
        return words(timedelta(hours=seconds // 3600))
    hours, minutes, secs = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def size(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1024:,.1f} KiB"


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def kind_words(kind: str) -> str:
    """``EMAIL_ADDRESS`` → ``email address``: as a person reads it."""
    return kind.replace("_", " ").lower()


def hidden_words(hidden: tuple[tuple[str, int], ...]) -> str:
    """``3 email addresses, 1 us ssn``-like: kinds as they are, counts before."""
    return ", ".join(f"{count} × {kind_words(kind)}" for kind, count in hidden)


def name_of(id: str) -> str:
    """``person:ana`` → ``ana``: the prefix is ours and only stands in the way of reading."""
    return id.split(":", 1)[1] if id.startswith(("person:", "agent:")) else id


def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(static_url=static_url, plural=plural, size=size, left=left, words=words)
    env.filters.update(
        when=when,
        day=day,
        utc=utc,
        block=block,
        kind_words=kind_words,
        hidden_words=hidden_words,
        name_of=name_of,
        listed=listed,
    )
    return env


ENV: Final = environment()


def render(template: str, context: Mapping[str, Any]) -> str:
    return ENV.get_template(template).render(context)
