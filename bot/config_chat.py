"""The closed settings of Slack and Teams. An unknown key stops the start; an empty secret is no setting (T25, T29, T56, I13).

Decided here: what may be set and what refuses (``ValueError``, which ``config_read`` turns into a sentence with a line). Secrets
never stand in the file: ``config_read`` takes them from the environment or from a file that only its owner can read.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from bot.secret import Secret

SlackTeam = Annotated[str, msgspec.Meta(pattern=r"^T[A-Z0-9]{2,20}$")]
SlackApp = Annotated[str, msgspec.Meta(pattern=r"^A[A-Z0-9]{2,20}$")]
SlackChannel = Annotated[str, msgspec.Meta(pattern=r"^[CG][A-Z0-9]{2,20}$")]
Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

SECRET_CHARS_MIN: Final = 16


class SlackSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``mode: http`` needs ``signing_secret`` (and, during rotation, ``previous_signing_secret``); ``mode: socket`` needs ``app_token``.

    ``channels`` maps the names that policies use (``slack:#approvals`` is written ``#approvals`` here) to channel ids, since
    names can be changed by people in Slack. ``team`` is the workspace; ``enterprise`` is set for Enterprise Grid. ``reveal: chat`` lets
    entitled people see a hidden value in a dialog of their own, for rules whose assurance is ``chat``; the value then passes
    through Slack's servers, so the default is the console alone."""

    team: SlackTeam
    app: SlackApp
    bot_token: Secret
    channels: dict[str, SlackChannel]
    mode: Literal["http", "socket"] = "http"
    signing_secret: Secret | None = None
    previous_signing_secret: Secret | None = None
    app_token: Secret | None = None
    reveal: Literal["console", "chat"] = "console"
    enterprise: Annotated[str, msgspec.Meta(pattern=r"^E[A-Z0-9]{2,20}$")] | None = None
    api_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+/api/$")] = "https://slack.com/api/"
    response_hosts: tuple[str, ...] = ("hooks.slack.com",)
    upload_hosts: tuple[str, ...] = ("files.slack.com",)

    def __post_init__(self) -> None:
        _must_be_secret(self.bot_token, "bot_token", "the bot token (xoxb-…)")
        if self.mode == "http":
            _must_be_secret(self.signing_secret, "signing_secret", "the app's signing secret (T25)")
        if self.previous_signing_secret is not None:
            _must_be_secret(self.previous_signing_secret, "previous_signing_secret", "the old signing secret")
        if self.mode == "socket":
            _must_be_secret(self.app_token, "app_token", "an app-level token (xapp-…)")
        if not self.api_url.startswith("https://") and not _is_loopback(self.api_url):
            raise ValueError("api_url must be https")


class TeamsSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``channels`` maps the names that policies use to conversation ids (``19:…@thread.tacv2``).

    ``development`` switches authentication off for a local Playground; it refuses to start unless the server listens on a
    loopback address and ``app`` and ``tenant`` are empty, so that it cannot be left on by mistake.

    ``transport`` chooses what calls the Connector: ``botbuilder`` (botbuilder-core, no longer maintained) or ``teams-sdk``
    (microsoft-teams-apps, its successor, from the extra of that name). ``targeted`` answers commands privately in the channel by
    targeted messages (public developer preview of Teams, with ``teams-sdk`` alone) instead of in the personal chat."""

    app: Uuid | Literal[""] = ""
    tenant: Uuid | Literal[""] = ""
    password: Secret | None = None
    channels: dict[str, str] = {}
    service_urls: tuple[str, ...] = ("https://smba.trafficmanager.net/",)
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    token_url: str = ""
    development: bool = False
    transport: Literal["botbuilder", "teams-sdk"] = "botbuilder"
    targeted: bool = False

    def __post_init__(self) -> None:
        if self.targeted and self.transport != "teams-sdk":
            raise ValueError(
                "targeted works with transport: teams-sdk alone; botbuilder knows no targeted messages."
            )
        if self.development:
            if self.app or self.tenant:
                raise ValueError("development works without app and tenant alone; remove it or them.")
            if not all(_is_loopback(url) for url in self.service_urls):
                raise ValueError("development: every service_url must be on a loopback address.")
            return
        if not self.app or not self.tenant:
            raise ValueError(
                "app and tenant must be set: without them nobody could be told from anybody (T29)"
            )
        _must_be_secret(self.password, "password", "the app registration's client secret")
        if not self.service_urls or not all(
            u.startswith("https://") or _is_loopback(u) for u in self.service_urls
        ):
            raise ValueError("service_urls must be a list of https addresses.")


def _must_be_secret(secret: Secret | None, key: str, what: str) -> None:
    if secret is None or len(secret.reveal()) < SECRET_CHARS_MIN:
        raise ValueError(f"{key} is missing, empty or too short: give {what}")


def _is_loopback(url: str) -> bool:
    host = url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    return host in ("127.0.0.1", "localhost", "[::1]")
