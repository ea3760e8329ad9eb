"""The steps of a request's way over HTTP, said once: ask, approve, redeem."""

from __future__ import annotations

import itertools
from typing import Any

import httpx

from tests.support.server import CANARIES, PAYLOAD, Site

_NUMBER = itertools.count()


def body(**changes: Any) -> dict[str, Any]:
    """An ask like no other (so that no denial is remembered against it); *changes* replace top-level fields."""
    parameters = {**PAYLOAD["parameters"], "batch": next(_NUMBER)}
    return {**PAYLOAD, "parameters": parameters, **changes}


def with_canaries() -> dict[str, Any]:
    """Every canary in the payload, in the agent's claim, in the context, as key and as part of a sentence."""
    asked = body()
    hidden = {
        "contact": CANARIES["email"],
        "ssn": CANARIES["ssn"],
        "card_number": CANARIES["card"],
        "phone": CANARIES["phone"],
        "aws_access_key_id": CANARIES["secret"],
        "password": CANARIES["password"],
        "iban": CANARIES["iban"],
        "note": f"mail {CANARIES['email']}, card {CANARIES['card']}, ssn {CANARIES['ssn']}",
        CANARIES["email"]: "a key that is data",
    }
    said = f"mail {CANARIES['email']} or call {CANARIES['phone']}"
    return {
        **asked,
        "parameters": asked["parameters"] | hidden,
        "justification": said,
        "context": {"sample": [hidden]},
    }


def ask(site: Site, who: str = "bot", asked: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    answer = site.call(who, "POST", "/v1/requests", asked or body(**changes))
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def vote(site: Site, who: str, request: str, choice: str = "approve", **more: Any) -> httpx.Response:
    return site.call(who, "POST", f"/v1/requests/{request}/votes", {"choice": choice, **more})


def look(site: Site, request: str, who: str = "bot") -> dict[str, Any]:
    return dict(site.call(who, "GET", f"/v1/requests/{request}").json())


def approved(site: Site, asked: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the agent's view with its grant, the payload) after two approvals."""
    asked = asked or body()
    request = ask(site, asked=asked)["id"]
    for name in ("ana", "bo"):
        assert vote(site, name, request).status_code == 200
    return look(site, request), payload_of(asked)


def payload_of(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("action", "resource", "parameters")}


def redeem(site: Site, token: str, payload: dict[str, Any], who: str = "bot", **more: Any) -> httpx.Response:
    return site.call(who, "POST", "/v1/grants/redeem", {"token": token, "payload": payload, **more})
