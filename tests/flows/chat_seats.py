"""Where a person sits: Slack by HTTP, Slack by Socket Mode, Teams. The same few things can be done from each seat.

A seat reads what stands in its chat now, presses the buttons it finds there and waits for the private answer, as a client would.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from tests.support.chat_site import slack_channel, teams_channel
from tests.support.chat_world import TENANT
from tests.support.fake_connector import FakeConnector, executes
from tests.support.fake_connector import button as teams_button
from tests.support.fake_slack import FakeSlack, buttons
from tests.support.markup import slack_words, teams_words

WAIT_SECONDS = 60
_ENVELOPE = itertools.count(1)


async def until(what: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """What *what* returns as soon as it is true. It looks at a fake in this process; the server is another process."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := what()):
                await asyncio.sleep(0.02)
            return found
    except TimeoutError:
        raise AssertionError(f"it never came: {what}") from None


class Seat(Protocol):
    name: str

    def words(self, index: int) -> str:
        """All words of the card in channel *index*; empty before it stands there."""
        ...

    def copies(self, index: int) -> int: ...

    async def approve(self, who: str, index: int) -> str:
        """Press Approve; the private answer in words."""
        ...

    async def approve_twice(self, who: str, index: int) -> str: ...

    async def deny(self, who: str, index: int, reason: str) -> str: ...

    async def cancel(self, who: str, index: int) -> None: ...

    async def withdraw(self, who: str, index: int) -> None: ...

    async def replay(self) -> int:
        """Send the last click again, byte for byte; the HTTP status."""
        ...


@dataclass
class SlackSeat:
    fake: FakeSlack
    client: httpx.AsyncClient
    is_socket: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)
    wire: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "slack-socket" if self.is_socket else "slack-http"

    def _cards(self, index: int) -> list[dict[str, Any]]:
        standing = self.fake.messages[slack_channel(index)].values()
        return [message for message in standing if message["thread_ts"] is None]

    def words(self, index: int) -> str:
        cards = self._cards(index)
        return slack_words(cards[-1]["blocks"]) if cards else ""

    def copies(self, index: int) -> int:
        return len(self._cards(index))

    def thread(self, index: int) -> list[str]:
        standing = self.fake.messages[slack_channel(index)].values()
        return [slack_words(m["blocks"]) for m in standing if m["thread_ts"] is not None]

    async def send(self, payload: dict[str, Any]) -> None:
        self.sent.append(payload)
        if self.is_socket:
            await until(lambda: self.fake.sockets)
            envelope = f"env-{next(_ENVELOPE)}"
            await self.fake.socket_send("interactive", payload, envelope)
            await until(lambda: any(ack["envelope_id"] == envelope for ack in self.fake.acks))
            return
        body, headers = self.fake.wire(payload)
        self.wire.append((body, headers))
        answer = await self.client.post("/slack/events", content=body, headers=headers)
        assert answer.status_code == 200, answer.status_code

    async def _answered(self, payload: dict[str, Any]) -> str:
        before = len(self.fake.responses)
        await self.send(payload)
        await until(lambda: len(self.fake.responses) > before)
        return slack_words(self.fake.responses[-1]["blocks"])

    def _button(self, index: int, action: str) -> dict[str, Any]:
        found = buttons(self._cards(index)[-1]["blocks"])
        return next(b for b in found if b["action_id"] == f"signoff.{action}")

    async def approve(self, who: str, index: int) -> str:
        at = slack_channel(index)
        return await self._answered(self.fake.click(who, self._button(index, "approve"), at))

    async def approve_twice(self, who: str, index: int) -> str:
        """Two clicks at once; the words of both answers."""
        at, before = slack_channel(index), len(self.fake.responses)
        press = self._button(index, "approve")
        await asyncio.gather(*(self.send(self.fake.click(who, press, at)) for _ in range(2)))
        await until(lambda: len(self.fake.responses) >= before + 2)
        return "\n".join(slack_words(r["blocks"]) for r in self.fake.responses[before:])

    async def deny(self, who: str, index: int, reason: str) -> str:
        opened = len(self.fake.opened)
        await self.send(self.fake.click(who, self._button(index, "deny"), slack_channel(index)))
        await until(lambda: len(self.fake.opened) > opened)
        before = len(self.fake.ephemerals)
        await self.send(self.fake.submission(who, self.fake.opened[-1], reason))
        await until(lambda: len(self.fake.ephemerals) > before)
        return slack_words(self.fake.ephemerals[-1]["blocks"])

    async def _in_details(self, who: str, index: int, action: str) -> None:
        opened = len(self.fake.opened)
        await self.send(self.fake.click(who, self._button(index, "details"), slack_channel(index)))
        await until(lambda: len(self.fake.opened) > opened)
        view = self.fake.opened[-1]
        press = next(b for b in buttons(view) if b["action_id"] == f"signoff.{action}")
        payload = self.fake.click(who, press, view={"id": view["id"], "type": "modal"})
        del payload["channel"], payload["response_url"]
        await self.send(payload)

    async def cancel(self, who: str, index: int) -> None:
        await self._in_details(who, index, "cancel")

    async def withdraw(self, who: str, index: int) -> None:
        await self._in_details(who, index, "withdraw")

    async def replay(self) -> int:
        if self.is_socket:
            await self.send(self.sent[-1])
            return 200
        body, headers = self.wire[-1]
        return (await self.client.post("/slack/events", content=body, headers=headers)).status_code


@dataclass
class TeamsSeat:
    fake: FakeConnector
    client: httpx.AsyncClient
    name: str = "teams"
    sent: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    def _cards(self, index: int) -> list[dict[str, Any]]:
        return list(self.fake.cards[teams_channel(index)].values())

    def words(self, index: int) -> str:
        cards = self._cards(index)
        return teams_words(cards[-1]) if cards else ""

    def copies(self, index: int) -> int:
        return len(self._cards(index))

    def thread(self, index: int) -> list[str]:
        return []

    def _at(self, index: int) -> dict[str, Any]:
        return {
            "id": teams_channel(index) + ";messageid=1",
            "tenantId": TENANT,
            "conversationType": "channel",
        }

    async def _press(
        self, who: str, index: int, press: dict[str, Any], *, verb: str = "signoff", reason: str | None = None
    ) -> dict[str, Any]:
        activity = self.fake.execute(who, press, verb=verb, reason=reason, conversation=self._at(index))
        token = self.fake.token()
        self.sent.append((activity, token))
        answer = await self.fake.post(self.client, activity, token)
        assert answer.status_code == 200, answer.status_code
        found: dict[str, Any] = answer.json()
        return found

    @staticmethod
    def _said(answer: dict[str, Any]) -> str:
        return (
            str(answer["value"]["message"]) if answer["statusCode"] != 200 else teams_words(answer["value"])
        )

    async def approve(self, who: str, index: int) -> str:
        return self._said(await self._press(who, index, teams_button(self._cards(index)[-1], "Approve")))

    async def approve_twice(self, who: str, index: int) -> str:
        press = teams_button(self._cards(index)[-1], "Approve")
        both = await asyncio.gather(*(self._press(who, index, press) for _ in range(2)))
        return "\n".join(map(self._said, both))

    async def deny(self, who: str, index: int, reason: str) -> str:
        press = teams_button(self._cards(index)[-1], "Deny")
        return self._said(await self._press(who, index, press, reason=reason))

    async def _own(self, who: str, index: int, title: str) -> None:
        refresh = self._cards(index)[-1]["refresh"]["action"]
        own = (await self._press(who, index, refresh, verb="refresh"))["value"]
        press = next(found for found in executes(own) if found.get("title", "").startswith(title))
        await self._press(who, index, press)

    async def cancel(self, who: str, index: int) -> None:
        await self._own(who, index, "Cancel")

    async def withdraw(self, who: str, index: int) -> None:
        await self._own(who, index, "Withdraw")

    async def replay(self) -> int:
        activity, token = self.sent[-1]
        return (await self.fake.post(self.client, activity, token)).status_code
