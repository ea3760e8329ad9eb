"""What Entra and the Bot Connector say of our installation: keys, token, channels. Reads and posts nothing.

Sources: learn.microsoft.com "Authentication with the Bot Connector API" (key set, token endpoint), "Get the members of a conversation"
(paged members). Decided here: the sentence and remedy for each thing found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from adapters.teams.jwks import fetch_keys
from adapters.teams.sdk import MISSING, is_installed
from adapters.teams.token import is_allowed
from adapters.teams.transport import SCOPE
from bot.config_chat import TeamsSettings
from bot.findings import Finding
from bot.secret import Secret

TIMEOUT_SECONDS: Final = 10


async def probe(settings: TeamsSettings, token_url: str, service_url: str) -> AsyncIterator[Finding]:
    """Every finding. *service_url*: the one that Teams gave us with its last activity, or the first allowed one."""
    yield transport_finding(settings)
    if settings.development:
        yield Finding(
            "teams",
            "warning",
            "teams.development is on: nobody is authenticated; it is for the Playground on this machine alone",
        )
        return
    keys = await fetch_keys(settings.openid_url)
    listed = keys.get("keys") if keys is not None else None
    if not isinstance(listed, list) or not listed:
        yield Finding(
            "teams keys",
            "error",
            f"the Bot Connector's keys cannot be had from {settings.openid_url}; every activity is refused until they can: check the way out of this network",
        )
    else:
        yield Finding("teams keys", "ok", f"the Bot Connector has {len(listed)} signing keys")
    if not is_allowed(service_url, settings.service_urls):
        yield Finding(
            "teams service",
            "error",
            f"{service_url} is not under teams.service_urls; add it if it is Microsoft's",
        )
        return
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        token, said = await _token(session, settings, token_url)
        yield said
        if token is None:
            return
        for name, conversation in settings.channels.items():
            yield await _channel(session, token, service_url, name, conversation)
    if not settings.channels:
        yield Finding(
            "teams channels", "warning", "no channel is set; a rule can name only those in teams.channels"
        )


def transport_finding(settings: TeamsSettings) -> Finding:
    """Whether what ``teams.transport`` chooses can be had. Asks nobody."""
    if settings.transport == "teams-sdk" and not is_installed():
        return Finding("teams transport", "error", MISSING)
    private = "targeted messages" if settings.targeted else "the personal chat"
    return Finding(
        "teams transport", "ok", f"{settings.transport} calls the Connector; private answers go to {private}"
    )


async def _token(
    session: aiohttp.ClientSession, settings: TeamsSettings, url: str
) -> tuple[Secret | None, Finding]:
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.app,
        "client_secret": settings.password.reveal() if settings.password is not None else "",
        "scope": SCOPE,
    }
    try:
        async with session.post(url, data=form, allow_redirects=False) as response:
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        return None, Finding(
            "teams token",
            "error",
            f"Entra cannot be reached ({type(error).__name__}); check the way out of this network, or teams.token_url",
        )
    answer = answer if isinstance(answer, dict) else {}
    token = answer.get("access_token")
    if isinstance(token, str) and token:
        return Secret(token), Finding("teams token", "ok", "Entra gives a token for the Bot Connector")
    word = str(answer.get("error", "no answer"))[:60]
    remedies = {
        "invalid_client": "the client secret is wrong or has ended: make a new one and give it as teams.password",
        "unauthorized_client": "the app is not of this tenant: correct teams.app or teams.tenant",
        "invalid_request": "the tenant is not known: correct teams.tenant",
    }
    return None, Finding(
        "teams token",
        "error",
        f"Entra gives no token ({word}); {remedies.get(word, 'check teams.app, teams.tenant and teams.password')}",
    )


async def _channel(
    session: aiohttp.ClientSession, token: Secret, service_url: str, name: str, conversation: str
) -> Finding:
    check = f"teams channel {name}"
    address = (
        f"{service_url.rstrip('/')}/v3/conversations/{quote(conversation, safe='')}/pagedmembers?pageSize=50"
    )
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    try:
        async with session.get(address, headers=headers, allow_redirects=False) as response:
            status = response.status
            answer: Any = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        return Finding(check, "error", f"the Bot Connector cannot be reached ({type(error).__name__})")
    if status == 200 and isinstance(answer, dict):
        return Finding(
            check, "ok", f"the app is in it, with {len(answer.get('members') or [])} members or more"
        )
    if status in {403, 404}:
        return Finding(
            check,
            "error",
            f"the app is not in {conversation[:80]}, or there is no such channel: add the app to the team, or correct teams.channels",
        )
    if status == 401:
        return Finding(
            check,
            "error",
            "the Bot Connector refuses our token; is the app registered as the bot of an Azure Bot with the Teams channel?",
        )
    return Finding(check, "error", f"the Bot Connector answers HTTP {status}; try again later")
