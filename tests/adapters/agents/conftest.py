"""The agents' API on a real uvicorn over a real desk; one server a module, time moves by itself and when told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.agents.app import create_routes
from adapters.agents.limits import AgentsSettings
from adapters.agents.metrics import Metrics
from bot.core.ids import AgentId, PersonId
from bot.core.people import Agent, KeyKind, Role
from bot.desk.api import NewKey
from tests.support.clock import START, ManualClock
from tests.support.office import SAMPLE, Desk, open_desk
from tests.support.serving import Served, serve

FAST = AgentsSettings(body_seconds=2.0, sse_per_agent_max=3, sse_heartbeat_seconds=0.2)


class TickingClock(ManualClock):
    """Real time from a fixed start; a test may push it on."""

    def __init__(self) -> None:
        super().__init__(START)
        self._began = time.monotonic()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        return super().monotonic() + time.monotonic() - self._began


class House:
    """The served desk, its credentials, and a client."""

    def __init__(
        self,
        served: Served,
        desk: Desk,
        credentials: dict[str, str],
        keys: dict[str, NewKey],
        metrics: Metrics,
    ) -> None:
        self.served, self.desk, self.credentials, self.keys, self.metrics = (
            served,
            desk,
            credentials,
            keys,
            metrics,
        )
        self.url = served.url
        self.http = httpx.Client(base_url=served.url, timeout=20)

    def call(self, method: str, path: str, who: str | None = "bot", **kwargs: Any) -> httpx.Response:
        headers = dict(kwargs.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.credentials[who]}"
        return self.http.request(method, path, headers=headers, **kwargs)

    def post(self, path: str, body: Any = None, who: str | None = "bot", **kwargs: Any) -> httpx.Response:
        return (
            self.call("POST", path, who, json=body, **kwargs)
            if body is not None
            else self.call("POST", path, who, **kwargs)
        )

    def get(self, path: str, who: str | None = "bot", **kwargs: Any) -> httpx.Response:
        return self.call("GET", path, who, **kwargs)

    def ask(self, who: str = "bot", **changes: Any) -> dict[str, Any]:
        changes.setdefault("parameters", {"query": "SELECT 1", "nonce": str(time.perf_counter_ns())})
        answer = self.post("/v1/requests", {**SAMPLE, **changes}, who)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())

    def approved(self, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """An approved request with its grant, and the payload that was approved."""
        body = {**SAMPLE, "parameters": {"nonce": str(time.perf_counter_ns())}, **changes}
        asked = self.post("/v1/requests", body).json()
        for person in ("ana", "bo"):
            assert (
                self.post(f"/v1/requests/{asked['id']}/votes", {"choice": "approve"}, person).status_code
                == 200
            )
        payload = {name: body[name] for name in ("action", "resource", "parameters")}
        return self.get(f"/v1/requests/{asked['id']}").json(), payload


async def _furnish(desk: Desk) -> tuple[dict[str, str], dict[str, NewKey]]:
    service = desk.service
    credentials: dict[str, str] = {}
    keys: dict[str, NewKey] = {}
    for name, owner in (
        ("bot", "eve"),
        ("other", "cy"),
        ("slow", "eve"),
        ("gone", "eve"),
        ("off", "eve"),
        ("fleeting", "eve"),
    ):
        agent = Agent(
            AgentId(f"agent:{name}"),
            (PersonId(f"person:{owner}"),),
            desk.clock.now(),
            pending_max=100_000,
            per_minute_max=10_000_000,
        )
        if name in ("bot", "other"):
            await service.set_agent(None, agent)
        else:
            await service.add_agent(None, agent if name != "slow" else replace(agent, per_minute_max=5))
        api = await service.issue_key(None, agent.id, KeyKind.API)
        hmac_key = await service.issue_key(None, agent.id, KeyKind.HMAC)
        assert isinstance(api, NewKey), api
        assert isinstance(hmac_key, NewKey), hmac_key
        credentials[name] = api.secret
        keys[name], keys[f"{name}-hmac"] = api, hmac_key
    await service.set_agent(None, replace(agent, id=AgentId("agent:off"), enabled=False))
    expiring = await service.issue_key(None, AgentId("agent:gone"), KeyKind.API, timedelta(microseconds=1))
    assert isinstance(expiring, NewKey)
    credentials["expired"] = expiring.secret
    await service.revoke_key(None, keys["gone"].key.id)
    await service.add_person(None, PersonId("person:audra"), "Audra", frozenset({Role.AUDITOR}))
    await service.add_person(None, PersonId("person:dis"), "Dis")
    for name in ("ana", "bo", "cy", "sam", "eve", "mia", "root", "audra", "dis"):
        token = await service.issue_person_token(None, PersonId(f"person:{name}"), timedelta(days=30))
        assert isinstance(token, str), token
        credentials[name] = token
    await service.disable_person(None, PersonId("person:dis"))
    return credentials, keys


def open_house(directory: Path, settings: AgentsSettings = FAST, **more: Any) -> Any:
    async def build(url: str) -> Any:
        desk = await open_desk(
            directory, more.get("store"), more.get("clock") or TickingClock(), more.get("library")
        )
        credentials, keys = await _furnish(desk)
        metrics = Metrics()
        office = desk.office
        extra = {"desk": desk, "credentials": credentials, "keys": keys, "metrics": metrics}
        workloads = more.get("workloads")
        routes = create_routes(
            desk.service, settings, store=desk.store, keys=office.keys, clock=desk.clock, masker=desk.worker, metrics=metrics,
            workloads=workloads(desk) if workloads else None,
        )  # fmt: skip
        return routes, extra

    return serve(build)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as served:
        house = House(served, **served.extra)
        # What was signed before the process began is refused; these tests are about later.
        house.desk.clock.forward(timedelta(minutes=10))
        yield house
        house.http.close()
        served.run(house.desk.worker.stop())


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem document, checked whole."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == "https://signoff.example/problems/" + body["code"]
    assert body["title"]
    assert set(body) <= {"type", "title", "status", "code", "detail", "pointer"}
    return answer.status_code, body["code"]


def sample(**changes: Any) -> bytes:
    return json.dumps({**SAMPLE, **changes}).encode()
