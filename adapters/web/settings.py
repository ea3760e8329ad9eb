"""What the console is told at start; everything else it asks the desk.

Decided here: which public URLs are acceptable, and the names of cookies that follow from them. No default weakens security.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import ConfigError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One OpenID provider. The endpoints come from its discovery document or from the config; all must be https
    (http only on loopback, for tests). *groups_claim* names the claim that is read into the person's groups, by the desk."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    label: str = "single sign-on"
    scopes: tuple[str, ...] = ("openid",)
    groups_claim: str = ""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")

    def __post_init__(self) -> None:
        for url in (self.issuer, self.authorization_endpoint, self.token_endpoint, self.jwks_uri):
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise ConfigError(f"oidc: {url} must start with https://")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """*public_url* is where people reach the console: links and the Origin check use it, never a Host header (T33)."""

    public_url: str
    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    password_file: Path | None = None
    oidc: OidcSettings | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("public_url must be a full address, such as https://signoff.example")
        if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
            raise ConfigError(
                "public_url must be a bare origin, such as https://signoff.example, without a path"
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ConfigError("public_url must start with https:// unless it is on loopback")

    @property
    def origin(self) -> str:
        """As a browser writes it in ``Origin``: scheme, host, and the port unless it is the scheme's own."""
        parts = urlsplit(self.public_url)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        default = {"http": 80, "https": 443}[parts.scheme]
        return f"{parts.scheme}://{host}" + ("" if parts.port in {None, default} else f":{parts.port}")

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """``__Host-`` demands Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2); plain-http loopback cannot have it."""
        return "__Host-signoff" if self.is_https else "signoff-loopback"

    @property
    def visitor_cookie(self) -> str:
        return "__Host-signoff-visitor" if self.is_https else "signoff-loopback-visitor"
