"""A Slack that enforces Slack's limits and words, on a real socket: Web API, response_url, Socket Mode; it can misbehave by script.

Its checks are written from Slack's documentation and know nothing of our templates. Times come from the test's clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
from aiohttp import WSMsgType, web

from tests.support.chat_world import APP, CHANNEL, SLACK_USERS, TEAM
from tests.support.clock import ManualClock

TOKEN = "xoxb-fake-token-0123456789"
APP_TOKEN = "xapp-fake-token-0123456789"
SECRET = "0123456789abcdef0123456789abcdef"
SCOPES = {
    "chat.postMessage": "chat:write", "chat.update": "chat:write", "chat.postEphemeral": "chat:write",
    "conversations.open": "im:write", "conversations.info": "channels:read", "conversations.history": "channels:history",
    "files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write",
    "users.info": "users:read", "bots.info": "users:read", "usergroups.users.list": "usergroups:read",
    "usergroups.list": "usergroups:read",
}  # fmt: skip
MESSAGE_BLOCKS = {"header", "section", "context", "actions", "divider", "rich_text", "image"}


class FakeSlack:
    """``messages[channel][ts]`` is what stands in a channel now. ``script`` holds what goes wrong next, per method."""

    def __init__(self, clock: ManualClock, *, paced: bool = False) -> None:
        self.clock = clock
        self.paced = paced
        self.is_down = False
        self.latency = 0.0
        self.scopes = set(SCOPES.values())
        self.messages: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.ephemerals: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        self.group_dates: dict[str, int] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.opened: list[dict[str, Any]] = []
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self._uploads: dict[str, tuple[str, int, bytes | None]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.overlaps = 0
        self.script: dict[str, deque[str]] = defaultdict(deque)
        self.users = {id: _user(id) for id in SLACK_USERS.values()}
        self.groups: dict[str, list[str]] = {"S0SEC": ["U0CY", "U0BO"]}
        self.channels: dict[str, dict[str, Any]] = {CHANNEL: {"id": CHANNEL, "is_ext_shared": False}}
        self.enterprise: str | None = None
        self.triggers: dict[str, float] = {}
        self._serial = itertools.count(1)
        self._last_post: dict[str, float] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.host = ""
        self.upload_host = ""
        self.sockets: list[web.WebSocketResponse] = []
        self.acks: list[dict[str, Any]] = []

    async def __aenter__(self) -> FakeSlack:
        app = web.Application(client_max_size=4_000_000)
        app.router.add_post("/api/{method}", self._api)
        app.router.add_post("/respond/{id}", self._respond)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/link", self._link)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/api/"
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in self.sockets:
            await socket.close()
        assert self._runner is not None
        await self._runner.cleanup()

    # --- Web API --------------------------------------------------------------------------------
    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls[method] += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.is_down:
            return web.Response(status=503, text="upstream")
        form = dict(await request.post())
        fault = self.script[method].popleft() if self.script[method] else ""
        if fault.startswith("429"):
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": fault[4:] or "3"}
            )
        if fault == "500":
            return web.Response(status=500, text="oops")
        if fault and fault != "drop":
            return web.json_response({"ok": False, "error": fault})
        key = f"{form.get('channel')}/{form.get('ts')}"
        self.in_flight[key] += 1
        self.overlaps += self.in_flight[key] > 1 and method == "chat.update"
        try:
            answer = self._answer(request, method, form)
        finally:
            self.in_flight[key] -= 1
        if fault == "drop":  # done, and the answer is lost
            assert request.transport is not None
            request.transport.abort()
        if answer.get("error") == "ratelimited":
            return web.json_response(answer, status=429, headers={"Retry-After": "1"})
        # Slack lists the token's scopes with every answer to a token that it knows.
        known = answer.get("error") not in {"invalid_auth", "not_authed"}
        return web.json_response(
            answer, headers={"x-oauth-scopes": ",".join(sorted(self.scopes))} if known else {}
        )

    def _answer(self, request: web.Request, method: str, form: dict[str, Any]) -> dict[str, Any]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = APP_TOKEN if method == "apps.connections.open" else TOKEN
        if token != wanted:
            return {"ok": False, "error": "invalid_auth"}
        scope = SCOPES.get(method)
        if scope is not None and scope not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": scope}
        handler = getattr(self, "_" + method.replace(".", "_").lower(), None)
        if handler is None:
            return {"ok": False, "error": "unknown_method"}
        answer: dict[str, Any] = handler(form)
        return answer

    def _chat_postmessage(self, form: dict[str, Any]) -> dict[str, Any]:
        channel = form.get("channel", "")
        if channel not in self.channels and not channel.startswith("D"):
            return {"ok": False, "error": "channel_not_found"}
        if error := check_message(form):
            return {"ok": False, "error": error}
        now = self.clock.monotonic()
        if self.paced and now - self._last_post.get(channel, -9.0) < 1.0:
            return {"ok": False, "error": "ratelimited"}
        self._last_post[channel] = now
        ts = f"{self.clock.now().timestamp():.0f}.{next(self._serial):06d}"
        self.messages[channel][ts] = _message(form, ts)
        return {"ok": True, "channel": channel, "ts": ts, "message": {}}

    def _chat_update(self, form: dict[str, Any]) -> dict[str, Any]:
        channel, ts = form.get("channel", ""), form.get("ts", "")
        if ts not in self.messages[channel]:
            return {"ok": False, "error": "message_not_found"}
        if error := check_message(form):
            return {"ok": False, "error": error}
        self.messages[channel][ts] = _message(form, ts)
        return {"ok": True, "channel": channel, "ts": ts}

    def _chat_postephemeral(self, form: dict[str, Any]) -> dict[str, Any]:
        if error := check_message(form):
            return {"ok": False, "error": error}
        self.ephemerals.append({"user": form["user"], "channel": form["channel"], **_message(form, "")})
        return {"ok": True, "message_ts": "1"}

    def _files_getuploadurlexternal(self, form: dict[str, Any]) -> dict[str, Any]:
        if not form.get("filename") or not form.get("length", "").isdigit() or int(form["length"]) < 1:
            return {"ok": False, "error": "invalid_arguments"}
        id = f"F0{next(self._serial):04d}"
        self._uploads[id] = (form["filename"], int(form["length"]), None)
        return {
            "ok": True,
            "upload_url": f"http://{self.upload_host or self.host}/upload/{id}",
            "file_id": id,
        }

    async def _upload(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        name, length, _ = self._uploads[id]
        content = await request.read()
        if len(content) != length:
            return web.Response(status=400, text="length")
        self._uploads[id] = (name, length, content)
        return web.Response(text=f"OK - {length}")

    def _files_completeuploadexternal(self, form: dict[str, Any]) -> dict[str, Any]:
        channel = form.get("channel_id", "")
        if channel not in self.channels and not channel.startswith("D"):
            return {"ok": False, "error": "channel_not_found"}
        for file in json.loads(form["files"]):
            name, _, content = self._uploads.pop(file["id"], ("", 0, None))
            if content is None:
                return {"ok": False, "error": "file_not_found"}
            self.files[file["id"]] = (channel, name, content)
        return {"ok": True, "files": []}

    def _conversations_info(self, form: dict[str, Any]) -> dict[str, Any]:
        channel = form.get("channel", "")
        found = {"id": channel} if channel.startswith("D") else self.channels.get(channel)
        return {"ok": True, "channel": found} if found else {"ok": False, "error": "channel_not_found"}

    def _conversations_open(self, form: dict[str, Any]) -> dict[str, Any]:
        if form.get("users") not in self.users:
            return {"ok": False, "error": "user_not_found"}
        return {"ok": True, "channel": {"id": "D" + form["users"][1:]}}

    def _conversations_history(self, form: dict[str, Any]) -> dict[str, Any]:
        found = [
            m
            for m in self.messages[form["channel"]].values()
            if float(m["ts"]) >= float(form.get("oldest", 0))
        ]
        return {"ok": True, "messages": found[: int(form.get("limit", 100))]}

    def _users_info(self, form: dict[str, Any]) -> dict[str, Any]:
        found = self.users.get(form.get("user", ""))
        return {"ok": True, "user": found} if found else {"ok": False, "error": "user_not_found"}

    def _usergroups_list(self, form: dict[str, Any]) -> dict[str, Any]:
        listed = [{"id": id, "date_update": self.group_dates.get(id, 1_700_000_000)} for id in self.groups]
        return {"ok": True, "usergroups": listed}

    def _usergroups_users_list(self, form: dict[str, Any]) -> dict[str, Any]:
        found = self.groups.get(form.get("usergroup", ""))
        return (
            {"ok": True, "users": found} if found is not None else {"ok": False, "error": "no_such_subteam"}
        )

    def _views_open(self, form: dict[str, Any]) -> dict[str, Any]:
        made = self.triggers.pop(form.get("trigger_id", ""), None)
        if made is None:
            return {"ok": False, "error": "invalid_trigger_id"}
        if self.clock.monotonic() - made > 3.0:
            return {"ok": False, "error": "expired_trigger_id"}
        return self._shown(form, f"V{next(self._serial):06d}")

    _views_push = _views_open

    def _views_update(self, form: dict[str, Any]) -> dict[str, Any]:
        return (
            self._shown(form, form["view_id"])
            if form.get("view_id") in self.views
            else {"ok": False, "error": "not_found"}
        )

    def _views_publish(self, form: dict[str, Any]) -> dict[str, Any]:
        view = json.loads(form["view"])
        if error := check_view(view):
            return {"ok": False, "error": error}
        self.homes[form["user_id"]] = view
        return {"ok": True}

    def _shown(self, form: dict[str, Any], id: str) -> dict[str, Any]:
        view = json.loads(form["view"])
        if error := check_view(view):
            return {"ok": False, "error": error}
        self.views[id] = {**view, "id": id}
        self.opened.append(self.views[id])
        return {"ok": True, "view": {"id": id}}

    def _auth_test(self, form: dict[str, Any]) -> dict[str, Any]:
        return {
            "ok": True,
            "team_id": TEAM,
            "user_id": "U0BOT",
            "bot_id": "B0SIGNOFF",
            "enterprise_id": self.enterprise,
        }

    def _bots_info(self, form: dict[str, Any]) -> dict[str, Any]:
        if form.get("bot") != "B0SIGNOFF":
            return {"ok": False, "error": "bot_not_found"}
        return {"ok": True, "bot": {"id": "B0SIGNOFF", "app_id": APP, "name": "Signoff"}}

    def _blocks_validate(self, form: dict[str, Any]) -> dict[str, Any]:
        try:
            blocks = json.loads(form["blocks"])
            fault = _check_blocks(blocks) or any(b.get("type") not in MESSAGE_BLOCKS for b in blocks)
        except (KeyError, ValueError):
            fault = "invalid_arguments"
        return {"ok": not fault, **({"error": "invalid_blocks"} if fault else {})}

    def _apps_connections_open(self, form: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "url": f"ws://{self.host}/link"}

    async def _respond(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        message = await request.json()
        if error := check_message({"text": message["text"], "blocks": json.dumps(message["blocks"])}):
            return web.Response(status=400, text=error)
        self.responses.append(message)
        return web.Response(text="ok")

    # --- Socket Mode ------------------------------------------------------------------------------
    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data.startswith("{"):
                self.acks.append(json.loads(message.data))
        return socket

    async def socket_send(self, kind: str, payload: dict[str, Any], envelope: str) -> None:
        await self.sockets[-1].send_json(
            {"type": kind, "envelope_id": envelope, "payload": payload, "accepts_response_payload": True}
        )

    # --- people at work -----------------------------------------------------------------------------
    def trigger(self) -> str:
        id = f"trigger.{next(self._serial)}"
        self.triggers[id] = self.clock.monotonic()
        return id

    def button(self, action: str, channel: str = CHANNEL) -> dict[str, Any]:
        """The newest button of that name in *channel*."""
        for message in reversed(self.messages[channel].values()):
            for found in buttons(message):
                if found["action_id"] == f"signoff.{action}":
                    return found
        raise AssertionError(f"no {action} button in {channel}")

    def click(
        self, user: str, button: dict[str, Any], at: str = CHANNEL, /, **changes: Any
    ) -> dict[str, Any]:
        """A ``block_actions`` payload as Slack sends it."""
        id = SLACK_USERS.get(user, user)
        payload = {
            "type": "block_actions",
            "api_app_id": APP,
            "team": {"id": TEAM, "domain": "test"},
            "user": {"id": id, "username": user, "team_id": TEAM},
            "channel": {"id": at, "name": "approvals"},
            "container": {"type": "message", "channel_id": at},
            "trigger_id": self.trigger(),
            "response_url": f"http://{self.host}/respond/{next(self._serial)}",
            "actions": [{"type": "button", "action_id": button["action_id"], "value": button.get("value")}],
        }
        return {**payload, **changes}

    def asked_for(self, user: str, view: dict[str, Any], field: str, purpose: str) -> dict[str, Any]:
        """The reveal dialog, sent with what was picked and typed."""
        made = self.submission(user, view, "")
        made["view"]["state"] = {
            "values": {
                "field": {"field": {"type": "static_select", "selected_option": {"value": field}}},
                "purpose": {"purpose": {"type": "plain_text_input", "value": purpose}},
            }
        }
        return made

    def submission(self, user: str, view: dict[str, Any], reason: str) -> dict[str, Any]:
        return {
            "type": "view_submission",
            "api_app_id": APP,
            "team": {"id": TEAM},
            "user": {"id": SLACK_USERS[user], "team_id": TEAM},
            "view": {
                **view,
                "state": {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}},
            },
        }

    def command(self, user: str, command: str, text: str) -> dict[str, str]:
        return {
            "command": command,
            "text": text,
            "team_id": TEAM,
            "user_id": SLACK_USERS.get(user, user),
            "channel_id": CHANNEL,
            "api_app_id": APP,
            "trigger_id": self.trigger(),
            "response_url": f"http://{self.host}/respond/{next(self._serial)}",
        }

    def signed(self, body: bytes, *, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
        stamp = str(at if at is not None else int(self.clock.now().timestamp()))
        digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    async def send(self, client: httpx.AsyncClient, payload: dict[str, Any]) -> httpx.Response:
        """Sign and send an interaction."""
        body, headers = self.wire(payload)
        return await client.post("/slack/events", content=body, headers=headers)

    def wire(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """An interaction's body and signed headers, as Slack puts them on the wire."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return body, self.signed(body)

    async def send_form(self, client: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
        body = urlencode(form).encode()
        return await client.post("/slack/events", content=body, headers=self.signed(body))

    async def send_event(self, client: httpx.AsyncClient, event: dict[str, Any]) -> httpx.Response:
        body = json.dumps(
            {"type": "event_callback", "api_app_id": APP, "team_id": TEAM, "event": event}
        ).encode()
        headers = {**self.signed(body), "Content-Type": "application/json"}
        return await client.post("/slack/events", content=body, headers=headers)


def _user(id: str) -> dict[str, Any]:
    return {
        "id": id,
        "team_id": TEAM,
        "name": id.lower(),
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
    }


def _message(form: dict[str, Any], ts: str) -> dict[str, Any]:
    return {
        "ts": ts,
        "text": form.get("text", ""),
        "blocks": json.loads(form.get("blocks", "[]")),
        "metadata": json.loads(form["metadata"]) if "metadata" in form else None,
        "thread_ts": form.get("thread_ts"),
    }


def buttons(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from buttons(item)
    elif isinstance(value, dict):
        if value.get("type") == "button":
            yield value
        for item in value.values():
            yield from buttons(item)


def check_message(form: dict[str, Any]) -> str:
    """Slack's error word for a message it would not take, or ''."""
    blocks = json.loads(form.get("blocks", "[]"))
    if not form.get("text") and not blocks:
        return "no_text"
    if len(form.get("text", "")) > 40_000:
        return "msg_too_long"
    if len(blocks) > 50 or any(block.get("type") not in MESSAGE_BLOCKS for block in blocks):
        return "invalid_blocks"
    return _check_blocks(blocks)


def check_view(view: dict[str, Any]) -> str:
    blocks = view.get("blocks", [])
    if len(blocks) > 100 or view.get("type") not in ("modal", "home"):
        return "invalid_arguments"
    if any(len(view[key]["text"]) > 24 for key in ("title", "submit", "close") if key in view):
        return "invalid_arguments"
    if len(view.get("private_metadata", "")) > 3000 or len(json.dumps(view)) > 250_000:
        return "view_too_large"
    if any(block.get("type") not in MESSAGE_BLOCKS | {"input", "alert"} for block in blocks):
        return "invalid_arguments"
    return _check_blocks(blocks)


def _check_blocks(blocks: list[dict[str, Any]]) -> str:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        return "invalid_blocks"
    for block in blocks:
        limit = {"header": 150, "section": 3000}.get(block["type"])
        if limit and not 0 < len(block["text"]["text"]) <= limit:
            return "invalid_blocks"
        if block["type"] == "context" and not 0 < len(block["elements"]) <= 10:
            return "invalid_blocks"
        if block["type"] == "actions" and not 0 < len(block["elements"]) <= 25:
            return "invalid_blocks"
        if block["type"] == "rich_text" and not all(_is_rich(element) for element in block["elements"]):
            return "invalid_blocks"
        for button in buttons(block):
            if not 0 < len(button["text"]["text"]) <= 75 or len(button.get("value", "")) > 2000:
                return "invalid_blocks"
            if button.get("style", "primary") not in ("primary", "danger"):
                return "invalid_blocks"
            confirm = button.get("confirm")
            if confirm and (
                len(confirm["title"]["text"]) > 100
                or len(confirm["text"]["text"]) > 300
                or len(confirm["confirm"]["text"]) > 30
            ):
                return "invalid_blocks"
    return ""


def _is_rich(element: dict[str, Any]) -> bool:
    if element.get("type") not in (
        "rich_text_section",
        "rich_text_preformatted",
        "rich_text_quote",
        "rich_text_list",
    ):
        return False
    return bool(element["elements"]) and all(e["type"] != "text" or e["text"] for e in element["elements"])
