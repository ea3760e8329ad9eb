"""A Bot Connector on a real socket, with its key set: conversations, members, the token endpoint; it can misbehave by script."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter, defaultdict, deque
from typing import Any

import httpx
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.chat_world import AAD, TEAMS_CHANNEL, TENANT
from tests.support.clock import ManualClock

BOT = "99999999-8888-7777-6666-555555555555"
PASSWORD = "teams-password-0123456789"
TOKEN = "connector-token"
CARD_BYTES_MAX = 28_000


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).rstrip(b"=").decode()


def jwk(key: rsa.RSAPrivateKey, kid: str, **changes: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    made = {
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
        "endorsements": ["msteams"],
    }
    return {k: v for k, v in {**made, **changes}.items() if v is not None}


class FakeConnector:
    """``cards[conversation][id]`` is what stands in a conversation now."""

    def __init__(self, clock: ManualClock, key: rsa.RSAPrivateKey) -> None:
        self.clock = clock
        self.key = key
        self.is_down = False
        self.is_open = False
        """As the Playground is: nobody needs a token; one that comes all the same is kept in ``tokens``."""
        self.tokens: list[str] = []
        self.cards: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.targeted: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        """``targeted[conversation]``: for whom, and the card that this person alone sees there."""
        self.takes_targeted = True
        self.sent: list[dict[str, Any]] = []
        """Every activity that was taken, as it came."""
        self.replies: dict[str, list[str]] = defaultdict(list)
        """``replies[message]``: ids of what was posted under it."""
        self.calls: Counter[str] = Counter()
        self.script: dict[str, deque[int]] = defaultdict(deque)
        self.answers_lost: Counter[str] = Counter()
        """By call, how many of the next are done and then never answered: the connection is cut."""
        self.members = {f"29:{name}": self._member(name) for name in AAD}
        self.url = ""
        self._serial = itertools.count(1)
        self._runner: web.AppRunner | None = None

    def _member(self, name: str) -> dict[str, Any]:
        return {
            "id": f"29:{name}",
            "name": name,
            "aadObjectId": AAD[name],
            "tenantId": TENANT,
            "userRole": "user",
        }

    async def __aenter__(self) -> FakeConnector:
        app = web.Application(client_max_size=1_000_000)
        app.router.add_post("/token", self._token)
        app.router.add_get("/openid", self._openid)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_post("/v3/conversations", self._create)
        app.router.add_post("/v3/conversations/{id}/activities", self._send)
        app.router.add_put("/v3/conversations/{id}/activities/{activity}", self._update)
        app.router.add_get("/v3/conversations/{id}/members/{member}", self._get_member)
        app.router.add_get("/v3/conversations/{id}/pagedmembers", self._paged_members)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (BOT, PASSWORD):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": TOKEN, "expires_in": 3600})

    async def _openid(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": "https://api.botframework.com", "jwks_uri": self.url + "jwks"})

    async def _jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [jwk(self.key, "k1")]})

    def _fault(self, request: web.Request, what: str) -> web.Response | None:
        self.calls[what] += 1
        if self.is_down:
            return web.json_response({"error": {"code": "ServiceError", "message": "down"}}, status=503)
        if self.script[what]:
            status = self.script[what].popleft()
            return web.json_response(
                {"error": {"code": "x", "message": "x"}}, status=status, headers={"Retry-After": "3"}
            )
        given = request.headers.get("Authorization")
        self.tokens += [given] if given is not None else []
        if given != f"Bearer {TOKEN}" and not self.is_open:
            return web.json_response({"error": {"code": "Unauthorized", "message": "no"}}, status=401)
        return None

    async def _create(self, request: web.Request) -> web.Response:
        if fault := self._fault(request, "create"):
            return fault
        body = await request.json()
        if (body.get("tenantId") or body.get("tenantID")) != TENANT:
            return web.json_response({"error": {"code": "BadSyntax", "message": "tenant"}}, status=400)
        if body.get("isGroup") is not False or body.get("bot", {}).get("id") != f"28:{BOT}":
            return web.json_response({"error": {"code": "BadSyntax", "message": "bot"}}, status=400)
        if body["members"][0]["id"] not in self.members:
            return web.json_response({"error": {"code": "BadArgument", "message": "member"}}, status=400)
        return web.json_response({"id": "a:" + body["members"][0]["id"]})

    async def _send(self, request: web.Request) -> web.Response:
        conversation, _, root = request.match_info["id"].partition(";messageid=")
        if root and root not in self.cards[conversation]:
            return web.json_response({"error": {"code": "NotFound", "message": "thread"}}, status=404)
        if request.query.get("isTargetedActivity") == "true":
            return await self._target(request, conversation)
        id = f"m{next(self._serial)}"
        answer = await self._put(request, "send", id)
        if root and answer.status == 200:
            self.replies[root].append(id)
        return answer

    async def _target(self, request: web.Request, conversation: str) -> web.Response:
        """Seen by one member, never in a personal conversation (Teams' documentation on targeted messages)."""
        if fault := self._fault(request, "target"):
            return fault
        body = await request.json()
        recipient = body.get("recipient") or {}
        who = recipient.get("id")
        if (
            not self.takes_targeted
            or conversation.startswith("a:")
            or who not in self.members
            or not recipient.get("isTargeted")
        ):
            return web.json_response({"error": {"code": "BadRequest", "message": "targeted"}}, status=400)
        self.targeted[conversation].append((who, body["attachments"][0]["content"]))
        return web.json_response({"id": f"t{next(self._serial)}"})

    async def _update(self, request: web.Request) -> web.Response:
        conversation, id = request.match_info["id"], request.match_info["activity"]
        if id not in self.cards[conversation]:
            self.calls["update"] += 1
            return web.json_response({"error": {"code": "ActivityNotFound", "message": "gone"}}, status=404)
        return await self._put(request, "update", id)

    async def _put(self, request: web.Request, what: str, id: str) -> web.Response:
        if fault := self._fault(request, what):
            return fault
        raw = await request.read()
        if len(raw) > CARD_BYTES_MAX:
            return web.json_response({"error": {"code": "MessageSizeTooBig", "message": "413"}}, status=413)
        activity = json.loads(raw)
        attachment = activity["attachments"][0]
        if (
            attachment.get("contentType") != "application/vnd.microsoft.card.adaptive"
            or activity["type"] != "message"
        ):
            return web.json_response({"error": {"code": "BadSyntax", "message": "activity"}}, status=400)
        self.sent.append(activity)
        self.cards[request.match_info["id"].partition(";messageid=")[0]][id] = attachment["content"]
        if self.answers_lost[what] > 0:
            self.answers_lost[what] -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": id})

    async def _paged_members(self, request: web.Request) -> web.Response:
        if fault := self._fault(request, "members"):
            return fault
        if request.match_info["id"] != TEAMS_CHANNEL:
            return web.json_response(
                {"error": {"code": "BotNotInConversationRoster", "message": "no"}}, status=403
            )
        return web.json_response({"members": list(self.members.values())})

    async def _get_member(self, request: web.Request) -> web.Response:
        if fault := self._fault(request, "member"):
            return fault
        asked = request.match_info["member"]
        by_aad = (m for m in self.members.values() if asked and m["aadObjectId"] == asked)
        found = self.members.get(asked) or next(by_aad, None)
        return (
            web.json_response(found)
            if found
            else web.json_response({"error": {"code": "NotFound", "message": "x"}}, status=404)
        )

    # --- people at work ------------------------------------------------------------------------
    def token(
        self,
        *,
        key: rsa.RSAPrivateKey | None = None,
        kid: str = "k1",
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        now = int(self.clock.now().timestamp())
        body = {
            "iss": "https://api.botframework.com",
            "aud": BOT,
            "serviceurl": self.url,
            "nbf": now - 10,
            "exp": now + 3600,
            **claims,
        }
        body = {k: v for k, v in body.items() if v is not None}
        return jwt.encode(body, key or self.key, algorithm="RS256", headers={"kid": kid, **(headers or {})})

    def activity(self, who: str, /, **changes: Any) -> dict[str, Any]:
        base = {
            "type": "message",
            "channelId": "msteams",
            "serviceUrl": self.url,
            "id": f"f{next(self._serial)}",
            "from": {"id": f"29:{who}", "aadObjectId": AAD.get(who, AAD["ana"]), "name": who},
            "recipient": {"id": f"28:{BOT}"},
            "conversation": {
                "id": TEAMS_CHANNEL + ";messageid=1",
                "tenantId": TENANT,
                "conversationType": "channel",
            },
            "channelData": {"tenant": {"id": TENANT}},
        }
        return {**base, **changes}

    def execute(
        self,
        who: str,
        button: dict[str, Any],
        /,
        *,
        verb: str = "signoff",
        reason: str | None = None,
        **changes: Any,
    ) -> dict[str, Any]:
        data = dict(button["data"]) | ({"reason": reason} if reason is not None else {})
        value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"}
        base = {"type": "invoke", "name": "adaptiveCard/action", "value": value}
        return self.activity(who, **{**base, **changes})

    async def post(
        self, client: httpx.AsyncClient, activity: dict[str, Any], token: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token if token is not None else self.token()}"}
        return await client.post("/teams/messages", json=activity, headers=headers)

    def card(self, conversation: str = TEAMS_CHANNEL) -> dict[str, Any]:
        """The last message of a conversation that is no reply."""
        replies = {id for ids in self.replies.values() for id in ids}
        return [card for id, card in self.cards[conversation].items() if id not in replies][-1]


def executes(value: Any) -> list[dict[str, Any]]:
    """Every ``Action.Execute`` of a card, those in cards that unfold included."""
    if isinstance(value, list):
        return [found for item in value for found in executes(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") == "Action.Execute" else []
    return own + [found for item in value.values() for found in executes(item)]


def button(card: dict[str, Any], title: str) -> dict[str, Any]:
    return next(found for found in executes(card) if found.get("title", "").startswith(title))
