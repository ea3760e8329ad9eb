"""The console as a browser without script uses it, over a real socket; and requests signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from types import TracebackType
from typing import Any

import httpx

from tests.support.server import PASSWORD, Site


class ConsoleVisitor:
    """One person's cookie jar. Forms carry the page's own token and a browser's headers."""

    def __init__(self, site: Site, name: str | None = None) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site.url, timeout=30)
        if name is not None:
            answer = self.post("/login", {"name": name, "password": PASSWORD}, at="/login")
            assert answer.status_code == 303, answer.text

    def __enter__(self) -> ConsoleVisitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def token(self, at: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.http.get(at).text)
        assert found
        return found[1]

    def post(
        self, path: str, form: dict[str, str], *, at: str = "/profile", **headers: str
    ) -> httpx.Response:
        sent = {"origin": self.site.url, "sec-fetch-site": "same-origin"} | headers
        return self.http.post(path, data={"csrf": self.token(at)} | form, headers=sent)

    def vote(self, request: str, choice: str, version: int = 1, comment: str = "") -> httpx.Response:
        form = {"choice": choice, "version": str(version), "seen": "all", "comment": comment}
        return self.post(f"/requests/{request}/votes", form)


def signed_headers(site: Site, agent: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Standard Webhooks 1.0.0, written here from its text, apart from the product's own."""
    key_id, secret = site.signing[agent]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "signoff-key-id": key_id, "webhook-id": id, "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(), "content-type": "application/json",
    }  # fmt: skip


def problem(answer: httpx.Response) -> tuple[int, Any]:
    """Status and code of a problem document (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json", (
        answer.status_code,
        answer.text[:300],
    )
    return answer.status_code, answer.json()["code"]
