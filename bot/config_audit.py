"""The closed settings of what leaves the audit log: places that remember its head, a SIEM, and where alarms are posted.

Decided here: what may be set and what refuses (``ValueError``, which ``config_read`` turns into a sentence with a line). An address
is https unless it is on the loopback address; a time-stamping authority may be http, since its answers are signed (RFC 3161).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from audit.checkpoint import COSIGNATURE_V1, BadNote, parse_vkey
from audit.formats import PEN
from bot.core.addresses import parse as parse_address
from bot.secret import Secret

EVERY_MIN: Final = timedelta(minutes=1)
EVERY_MAX: Final = timedelta(days=31)
LOCK_MIN: Final = timedelta(days=1)
"""S3 counts Object Lock in days; less would protect nothing."""

Url = Annotated[str, Meta(min_length=8, max_length=2048)]
Short = Annotated[str, Meta(min_length=1, max_length=256)]
ChatPlace = Annotated[str, Meta(pattern=r"^(slack|teams):[^\s]{1,120}$")]
SinkName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closed, and never changed once read."""


def _check_url(name: str, url: str, schemes: tuple[str, ...] = ("https",)) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{name} is no address") from None
    local = parts.scheme == "http" and _is_loopback(host)
    if not host or port == 0 or (parts.scheme not in schemes and not local):
        raise ValueError(f"{name} must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError(f"{name} must not hold a user, a password or a fragment")


def _is_loopback(host: str) -> bool:
    try:
        return parse_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_every(name: str, every: timedelta) -> None:
    if not EVERY_MIN <= every <= EVERY_MAX:
        raise ValueError(f"{name} must lie between 1m and 31d")


class ChatAnchor(_Section, frozen=True):
    """The signed head, posted where people read it: each of them is a witness."""

    channel: Annotated[
        ChatPlace, Meta(description="As policies write it, such as `slack:#audit` or `teams:audit`.")
    ]
    every: Annotated[
        timedelta,
        Meta(description="Post this often while there are new entries; at a policy change at once."),
    ] = timedelta(hours=1)

    def __post_init__(self) -> None:
        _check_every("every", self.every)


class TimestampAnchor(_Section, frozen=True):
    """RFC 3161 tokens over the signed head. Needs the extra `signoff[timestamps]`."""

    url: Annotated[Url, Meta(description="The authority's address; http is allowed, its answers are signed.")]
    ca_file: Annotated[
        Path, Meta(description="PEM file: the root certificates that the authority chains to.")
    ]
    directory: Annotated[
        Path, Meta(description="Tokens and the heads they cover are kept here; back it up with the log.")
    ] = Path("audit-timestamps")
    every: Annotated[timedelta, Meta(description="Ask this often while there are new entries.")] = timedelta(
        days=1
    )

    def __post_init__(self) -> None:
        _check_url("url", self.url, ("https", "http"))
        _check_every("every", self.every)


class ObjectLockAnchor(_Section, frozen=True):
    """The signed head as an object that nobody can delete before its time: S3 Object Lock in compliance mode."""

    endpoint: Annotated[
        Url, Meta(description="The service's address, such as `https://s3.eu-central-1.amazonaws.com`.")
    ]
    region: Annotated[Short, Meta(description="The bucket's region.")]
    bucket: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")],
        Meta(description="A bucket with Object Lock switched on."),
    ]
    access_key_id: Annotated[
        Short, Meta(description="Needs PutObject, PutObjectRetention, GetObject, ListBucket.")
    ]
    secret_access_key: Annotated[Secret, Meta(description="Belongs to `access_key_id`.")]
    prefix: Annotated[
        Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/){0,8}$")],
        Meta(description="Folder in the bucket."),
    ] = "signoff/"
    retain: Annotated[timedelta, Meta(description="How long no object can be deleted, by anybody.")] = (
        timedelta(days=400)
    )
    every: Annotated[timedelta, Meta(description="Put this often while there are new entries.")] = timedelta(
        hours=1
    )

    def __post_init__(self) -> None:
        _check_url("endpoint", self.endpoint)
        if urlsplit(self.endpoint).path not in {"", "/"}:
            raise ValueError("endpoint must be a bare origin")
        _check_every("every", self.every)
        if self.retain < LOCK_MIN:
            raise ValueError("retain must be at least 1d")


class WitnessAnchor(_Section, frozen=True):
    """A witness on another host, by another hand (`signoff witness serve`, or any C2SP tlog-witness)."""

    url: Annotated[Url, Meta(description="The witness's address; `/add-checkpoint` is appended.")]
    vkey: Annotated[Short, Meta(description="The witness's public key, as `signoff witness init` prints it.")]
    every: Annotated[timedelta, Meta(description="Ask this often while there are new entries.")] = timedelta(
        minutes=1
    )

    def __post_init__(self) -> None:
        _check_url("url", self.url)
        _check_every("every", self.every)
        try:
            algorithm = parse_vkey(self.vkey).algorithm
        except BadNote as error:
            raise ValueError(f"vkey: {error}") from None
        if algorithm != COSIGNATURE_V1:
            raise ValueError("vkey is not a witness's key (type 4); a log's own key is no witness")


class Anchors(_Section, frozen=True):
    """Memories of the log's head outside the database, beside the head file. Choose at least two in all: without one, nobody can say that
    the end was not cut off."""

    chat: Annotated[ChatAnchor | None, Meta(description="A channel.")] = None
    timestamp: Annotated[TimestampAnchor | None, Meta(description="A time-stamping authority.")] = None
    object_lock: Annotated[ObjectLockAnchor | None, Meta(description="An S3 bucket with Object Lock.")] = None
    witness: Annotated[WitnessAnchor | None, Meta(description="A witness.")] = None


class SecondSignature(_Section, frozen=True):
    """An ML-DSA-44 signature (FIPS 204) beside the log's Ed25519 one, for the day on which that is no longer believed. On a schedule: a
    head covers every entry before it, and each is 3.3 KB of text."""

    every: Annotated[
        timedelta, Meta(description="Sign the newest head this often while there are new entries.")
    ] = timedelta(hours=1)

    def __post_init__(self) -> None:
        _check_every("every", self.every)


class Siem(_Section, frozen=True):
    """One place that gets every entry, in order, at least once, with its number and hash."""

    name: Annotated[
        SinkName,
        Meta(description="Names the place's cursor in the database; another name starts from entry 0."),
    ]
    format: Annotated[
        Literal["syslog", "cloudevents", "otel", "cef", "ocsf", "jsonl"],
        Meta(description="What each entry becomes; `cef` over `tls://` travels inside syslog."),
    ]
    url: Annotated[
        Url,
        Meta(
            description="`tls://HOST:PORT` (RFC 5425) for syslog and CEF; `https://…` for a POST of lines or, for otel, of OTLP JSON."
        ),
    ]
    token: Annotated[Secret | None, Meta(description="Sent as `Authorization: Bearer` over https.")] = None
    ca_file: Annotated[
        Path | None,
        Meta(description="PEM file of the roots that the place chains to; default: the system's."),
    ] = None
    enterprise_number: Annotated[
        int,
        Meta(
            ge=1,
            le=2**31 - 1,
            description="Yours, for the structured data of syslog (`audit@NUMBER`, RFC 5424); the default is the one for documentation.",
        ),
    ] = PEN

    def __post_init__(self) -> None:
        if self.url.startswith("tls://"):
            _check_url("url", self.url, ("tls",))
            if self.format not in {"syslog", "cef"}:
                raise ValueError(f"{self.format} goes to an https:// address; tls:// takes syslog and cef")
            if urlsplit(self.url).port is None or urlsplit(self.url).path not in {"", "/"}:
                raise ValueError("url must be tls://HOST:PORT")
            if self.token is not None:
                raise ValueError("token means nothing over tls://")
            return
        _check_url("url", self.url)
        if self.format == "syslog":
            raise ValueError("syslog goes to a tls:// address")
        if self.ca_file is not None and self.url.startswith("http://"):
            raise ValueError("ca_file means nothing over http://")


class Alerts(_Section, frozen=True):
    """What should not be, looked for while the server runs, and where it is told besides the console, the log and `/metrics`."""

    channel: Annotated[
        ChatPlace | None, Meta(description="New alarms are posted here, such as `slack:#audit`.")
    ] = None
    gaps_every: Annotated[
        timedelta,
        Meta(description="How often the log is read for what should not be (`signoff audit gaps`)."),
    ] = timedelta(hours=1)
    lag_after: Annotated[
        timedelta,
        Meta(
            description="An anchor or a SIEM that has not taken an entry after this long, plus its own `every`, is an alarm."
        ),
    ] = timedelta(minutes=15)

    def __post_init__(self) -> None:
        _check_every("gaps_every", self.gaps_every)
        _check_every("lag_after", self.lag_after)
