"""The closed settings of Slack and Teams. An unknown key stops the start; an empty secret is no setting (T25, T29, T56, I13).

Decided here: what may be set and what refuses. Secrets stand in the file as references (``env:NAME`` or ``file:PATH``), never as
values, and are read by ``read_secret`` into a type that does not print itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from bot.errors import ConfigError

SecretRef = Annotated[str, msgspec.Meta(pattern=r"^(env:[A-Z_][A-Z0-9_]*|file:.+)$")]
"""``env:NAME`` or ``file:PATH``; a file must not be readable by others."""
SlackTeam = Annotated[str, msgspec.Meta(pattern=r"^T[A-Z0-9]{2,20}$")]
SlackApp = Annotated[str, msgspec.Meta(pattern=r"^A[A-Z0-9]{2,20}$")]
SlackChannel = Annotated[str, msgspec.Meta(pattern=r"^[CG][A-Z0-9]{2,20}$")]
Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

SECRET_BYTES_MIN: Final = 16


@final
class Secret:
    """A secret in memory. ``repr`` and ``str`` hide it; ``reveal`` is the only way to the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class SlackSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``mode: http`` needs ``signing_secrets`` (two during rotation); ``mode: socket`` needs ``app_token``.

    ``channels`` maps the names that policies use (``slack:#approvals`` is written ``#approvals`` here) to channel ids, since
    names can be changed by people in Slack. ``team`` is the workspace; ``enterprise`` is set for Enterprise Grid."""

    team: SlackTeam
    app: SlackApp
    bot_token: SecretRef
    channels: dict[str, SlackChannel]
    mode: Literal["http", "socket"] = "http"
    signing_secrets: list[SecretRef] = []
    app_token: SecretRef | None = None
    enterprise: Annotated[str, msgspec.Meta(pattern=r"^E[A-Z0-9]{2,20}$")] | None = None
    api_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+/api/$")] = "https://slack.com/api/"
    response_hosts: list[str] = ["hooks.slack.com"]

    def __post_init__(self) -> None:
        if self.mode == "http" and not self.signing_secrets:
            raise ConfigError(
                "slack.signing_secrets is empty: in http mode give the app's signing secret (T25)."
            )
        if len(self.signing_secrets) > 2:
            raise ConfigError("slack.signing_secrets: at most two, the old and the new one during rotation.")
        if self.mode == "socket" and self.app_token is None:
            raise ConfigError("slack.app_token is missing: socket mode needs an app-level token (xapp-…).")
        if not self.api_url.startswith("https://") and not _is_loopback(self.api_url):
            raise ConfigError("slack.api_url must be https.")


class TeamsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``channels`` maps the names that policies use to conversation ids (``19:…@thread.tacv2``).

    ``development`` switches authentication off for a local Playground; it refuses to start unless the server listens on a
    loopback address and ``app`` and ``tenant`` are empty, so that it cannot be left on by mistake."""

    app: Uuid | Literal[""] = ""
    tenant: Uuid | Literal[""] = ""
    password: SecretRef | None = None
    channels: dict[str, str] = {}
    service_urls: list[str] = ["https://smba.trafficmanager.net/"]
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    token_url: str = ""
    development: bool = False

    def __post_init__(self) -> None:
        if self.development:
            if self.app or self.tenant:
                raise ConfigError("teams.development works without app and tenant alone; remove it or them.")
            if not all(_is_loopback(url) for url in self.service_urls):
                raise ConfigError("teams.development: every service_url must be on a loopback address.")
            return
        if not self.app or not self.tenant or self.password is None:
            raise ConfigError(
                "teams.app, teams.tenant and teams.password must be set: without them nobody could be told from anybody (T29)."
            )
        if not self.service_urls or not all(
            u.startswith("https://") or _is_loopback(u) for u in self.service_urls
        ):
            raise ConfigError("teams.service_urls must be a list of https addresses.")


def _is_loopback(url: str) -> bool:
    host = url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    return host in ("127.0.0.1", "localhost", "[::1]")


def read_secret(ref: str, environ: Mapping[str, str]) -> Secret:
    """The secret that *ref* names. Raises ``ConfigError`` when it is missing, too short, or its file is readable by others."""
    kind, _, where = ref.partition(":")
    if kind == "env":
        value = environ.get(where, "")
    else:
        path = Path(where)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"{where} is readable by others; run chmod 600 on it.")
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{where} cannot be read ({error.strerror}).") from error
    if len(value.encode()) < SECRET_BYTES_MIN:
        raise ConfigError(f"{ref} is empty or shorter than {SECRET_BYTES_MIN} characters.")
    return Secret(value)
