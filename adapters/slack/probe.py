"""What Slack says of our installation: token, scopes, channels, socket, and whether it takes our blocks. Reads and posts nothing.

Sources: docs.slack.dev, methods ``auth.test``, ``bots.info``, ``conversations.info``, ``apps.connections.open``, ``blocks.validate``; the header
``x-oauth-scopes`` of every answer lists the token's scopes. Decided here: the sentence and remedy for each thing found.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from bot.config_chat import SlackSettings
from bot.findings import Finding
from bot.secret import Secret

TIMEOUT_SECONDS: Final = 10
ANSWER_BYTES_MAX: Final = 1_000_000
SCOPES: Final = {
    "chat:write": "posts and updates cards",
    "commands": "takes /signoff and /audit",
    "users:read": "tells guests, bots and strangers from colleagues",
    "usergroups:read": "reads user groups as approvers",
    "im:write": "opens direct messages",
    "files:write": "sends /audit export",
    "channels:read": "sees that a channel is shared with another organisation",
    "groups:read": "sees the same of private channels",
    "channels:history": "finds its own card again after an outage",
    "groups:history": "finds its own card again in private channels",
    "im:history": "finds its own direct message again",
}
"""What the bot token must be allowed, and for what. ``manifest/slack.yaml`` asks for these; a test keeps the two equal."""
_TOKEN_WORDS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"}
)


@dataclass(frozen=True, slots=True)
class _Answer:
    body: Mapping[str, Any]
    scopes: frozenset[str]
    fault: str = ""

    @property
    def word(self) -> str:
        return "" if self.body.get("ok") is True else str(self.body.get("error", "no answer"))[:80]


async def probe(settings: SlackSettings, blocks: Sequence[Mapping[str, Any]]) -> AsyncIterator[Finding]:
    """Every finding. *blocks* are of a card as we post them."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        slack = _Slack(session, settings)
        who = await slack.call("auth.test")
        async for said in _token(slack, who):
            yield said
        if who.fault or who.word:
            return
        for said in _scopes(who.scopes):
            yield said
        for name, channel in settings.channels.items():
            yield _channel(name, channel, await slack.call("conversations.info", channel=channel))
        if not settings.channels:
            yield Finding(
                "slack channels", "warning", "no channel is set; a rule can name only those in slack.channels"
            )
        yield await _way(slack)
        yield _blocks(await slack.call("blocks.validate", blocks=json.dumps(list(blocks))))


class _Slack:
    def __init__(self, session: aiohttp.ClientSession, settings: SlackSettings) -> None:
        self._session = session
        self.settings = settings

    async def call(self, method: str, token: Secret | None = None, **form: str) -> _Answer:
        token = token or self.settings.bot_token
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        try:
            async with self._session.post(
                self.settings.api_url + method, data=form, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.content.read(ANSWER_BYTES_MAX)
                scopes = response.headers.get("x-oauth-scopes", "")
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _Answer({}, frozenset(), f"cannot be reached ({type(error).__name__})")
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _Answer({}, frozenset(), f"answers HTTP {status} without JSON")
        return _Answer(body, frozenset(filter(None, (s.strip() for s in scopes.split(",")))))


async def _token(slack: _Slack, who: _Answer) -> AsyncIterator[Finding]:
    settings = slack.settings
    if who.fault:
        yield Finding(
            "slack",
            "error",
            f"{settings.api_url} {who.fault}; check the way out of this network, or slack.api_url",
        )
        return
    if who.word:
        remedy = (
            "install the app again and give its bot token as slack.bot_token"
            if who.word in _TOKEN_WORDS
            else "try again; if it stays, look at the app's page"
        )
        yield Finding("slack token", "error", f"Slack refuses the bot token ({who.word}); {remedy}")
        return
    team, enterprise = str(who.body.get("team_id", "")), str(who.body.get("enterprise_id") or "")
    if team != settings.team:
        yield Finding(
            "slack token",
            "error",
            f"the bot token belongs to workspace {team}, but slack.team is {settings.team}; correct the one that is wrong",
        )
    elif enterprise and settings.enterprise != enterprise:
        yield Finding(
            "slack token",
            "error",
            f"the workspace is part of Enterprise Grid {enterprise}; set slack.enterprise to it",
        )
    else:
        yield Finding("slack token", "ok", f"the bot token is taken, workspace {team}")
    bot = str(who.body.get("bot_id", ""))
    known = await slack.call("bots.info", bot=bot)
    about = known.body.get("bot")
    app = str(about.get("app_id", "")) if isinstance(about, dict) else ""
    if app and app != settings.app:
        yield Finding(
            "slack app",
            "error",
            f"the bot token belongs to app {app}, but slack.app is {settings.app}; clicks would be refused: correct it",
        )
    elif app:
        yield Finding("slack app", "ok", f"the app is {app}")
    else:
        yield Finding(
            "slack app",
            "warning",
            f"Slack does not say which app the token belongs to ({known.word or known.fault}); compare slack.app with the app's page",
        )


def _scopes(granted: frozenset[str]) -> list[Finding]:
    if not granted:
        return [
            Finding(
                "slack scopes",
                "warning",
                "Slack does not list the token's scopes; compare them with manifest/slack.yaml",
            )
        ]
    missing = sorted(SCOPES.keys() - granted)
    said = [
        Finding(
            "slack scopes",
            "error",
            f"the scope {scope} is missing ({SCOPES[scope]}); add it under OAuth & Permissions and install the app again",
        )
        for scope in missing
    ]
    more = sorted(granted - SCOPES.keys())
    if more:
        said.append(
            Finding(
                "slack scopes",
                "warning",
                f"the token may do more than is needed ({', '.join(more)[:200]}); take these scopes away",
            )
        )
    return said or [Finding("slack scopes", "ok", f"all {len(SCOPES)} scopes are granted and no other")]


def _channel(name: str, channel: str, answer: _Answer) -> Finding:
    check = f"slack channel {name}"
    if answer.fault:
        return Finding(check, "error", f"Slack {answer.fault}")
    if answer.word == "channel_not_found":
        return Finding(
            check,
            "error",
            f"{channel} is not found: correct slack.channels, or invite the app if the channel is private",
        )
    if answer.word:
        return Finding(
            check,
            "error",
            f"Slack does not show {channel} ({answer.word}); add the scopes channels:read and groups:read",
        )
    about = answer.body.get("channel")
    about = about if isinstance(about, dict) else {}
    if about.get("is_archived"):
        return Finding(check, "error", f"{channel} is archived; nothing can be posted there")
    if about.get("is_ext_shared") or about.get("is_pending_ext_shared"):
        return Finding(
            check,
            "error",
            f"{channel} is shared with another organisation; no card is posted there: take another channel",
        )
    if not about.get("is_member"):
        return Finding(check, "error", f"the app is not in {channel}; type /invite and the app's name there")
    if about.get("name") and str(about["name"]) != name.lstrip("#"):
        return Finding(
            check,
            "warning",
            f"{channel} is called #{about['name']} in Slack now; policies go on to call it {name}",
        )
    return Finding(check, "ok", f"the app is in {channel}")


async def _way(slack: _Slack) -> Finding:
    settings = slack.settings
    if settings.mode == "http":
        return Finding(
            "slack way in",
            "ok",
            "Slack posts to /slack/events; whether it reaches it shows when Event Subscriptions are saved",
        )
    answer = await slack.call("apps.connections.open", settings.app_token)
    if answer.fault or answer.word:
        return Finding(
            "slack way in",
            "error",
            f"Socket Mode does not open ({answer.fault or answer.word}); switch it on for the app and give an app-level token with connections:write as slack.app_token",
        )
    return Finding("slack way in", "ok", "Socket Mode opens")


def _blocks(answer: _Answer) -> Finding:
    if answer.word == "unknown_method":
        return Finding(
            "slack blocks",
            "warning",
            "Slack's blocks.validate is not there; whether it takes our cards shows at the first one",
        )
    if answer.fault or answer.word:
        return Finding(
            "slack blocks",
            "error",
            f"Slack does not take a card as we post it ({answer.fault or answer.word}); update Signoff, or report this",
        )
    return Finding("slack blocks", "ok", "Slack takes a card as we post it")
