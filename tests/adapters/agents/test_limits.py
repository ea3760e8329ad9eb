"""Bodies, heads and slow clients: every limit at its very boundary, over real sockets (T11, T57, I12)."""

from __future__ import annotations

import json
import socket
import time

import pytest

from adapters.agents.limits import HEADER_BYTES_MAX, HEADERS_MAX, SMALL_BYTES_MAX, Buckets, Slots
from bot.core.canonical import BODY_BYTES_MAX, DEPTH_MAX
from tests.adapters.agents.conftest import House, problem, sample
from tests.support.office import SAMPLE

JSON = {"Content-Type": "application/json"}


def post(house: House, body: bytes, **headers: str):
    return house.call(
        "POST",
        "/v1/requests",
        content=body,
        headers=JSON | {k.replace("_", "-"): v for k, v in headers.items()},
    )


def padded(size: int) -> bytes:
    body = sample(parameters={"pad": ""})
    return sample(parameters={"pad": "x" * (size - len(body))})


def test_a_body_is_limited_at_the_very_byte(house: House):
    assert len(padded(BODY_BYTES_MAX)) == BODY_BYTES_MAX
    assert post(house, padded(BODY_BYTES_MAX)).status_code == 202
    assert problem(post(house, padded(BODY_BYTES_MAX + 1))) == (413, "too-large")


@pytest.mark.parametrize("who", ["bot", None])
def test_a_sender_of_a_refused_body_still_gets_the_answer(house: House, who: str | None):
    """The body is larger than the sockets' buffers: closing at once would reset the connection under the sender."""
    for _ in range(5):
        answer = house.call("POST", "/v1/requests", who, content=b" " * 900_000, headers=JSON)
        assert answer.status_code == (413 if who else 401)


def test_a_chunked_body_is_limited_while_it_streams(house: House):
    def chunks(size: int):
        body = padded(size)
        yield from (body[i : i + 50_000] for i in range(0, size, 50_000))

    def send(size: int):
        return house.call("POST", "/v1/requests", content=chunks(size), headers=JSON)

    assert send(BODY_BYTES_MAX).status_code == 202
    assert problem(send(BODY_BYTES_MAX + 1)) == (413, "too-large")


def test_an_announced_flood_is_refused_before_it_is_read(house: House):
    answer = raw(
        house,
        b"POST /v1/requests HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{",
    )

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"too-large" in answer


def test_votes_and_outcomes_have_a_small_limit(house: House):
    body = json.dumps({"choice": "deny", "comment": "x" * SMALL_BYTES_MAX}).encode()

    assert problem(
        house.call("POST", f"/v1/requests/req_{'0' * 26}/votes", "ana", content=body, headers=JSON)
    ) == (413, "too-large")


MALFORMED = [
    (b"", "json"), (b"{", "json"), (b"[1,]", "json"), (b"{'a':1}", "json"), (b"\xef\xbb\xbf{}", "json"), (b"\xff", "json"), (b"NaN", "json"),
    (b'{"a":Infinity}', "json"), (b'{"a":1e400}', "number"), (b'{"a":-0}', "number"), (b'{"a":9007199254740992}', "number"),
    (b'{"a":1}{}', "json"), (b'{"a":1} x', "json"), (b'"\\ud800"', "surrogate"), (b'{"a\\u0000":1}', "key"), (b"[" * 100_000, "too-deep"),
    (b'{"a":' * 50_000, "too-deep"), ('{"a":1}'.encode("utf-16"), "json"), (b'{"amount":1,"amount":1000000}', "duplicate-key"),
    ('{"é":1,"e\u0301":2}'.encode(), "duplicate-key"), (b'{"a":01}', "json"), (b'{"a":.5}', "json"), (b'"\x00"', "json"), (b"nul", "json"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), MALFORMED)
@pytest.mark.parametrize(
    "path", ["/v1/requests", "/v1/grants/redeem", f"/v1/grants/grt_{'0' * 26}/outcome", "/v1/mask"]
)
def test_malformed_json_is_a_clear_400_everywhere(house: House, path: str, body: bytes, code: str):
    if len(body) > SMALL_BYTES_MAX and path.endswith("outcome"):
        code = "too-large"

    assert problem(house.call("POST", path, content=body, headers=JSON)) == (
        413 if code == "too-large" else 400,
        code,
    )


@pytest.mark.parametrize("depth", range(1, DEPTH_MAX - 1, 6))
def test_duplicate_keys_are_refused_at_each_depth_and_named(house: House, depth: int):
    inner = '{"x":' * depth + '{"k":1,"k":2}' + "}" * depth
    body = json.dumps({**SAMPLE, "parameters": "HERE"}).replace('"HERE"', inner)

    answer = post(house, body.encode())

    assert problem(answer) == (400, "duplicate-key")
    assert answer.json()["pointer"] == "/parameters" + "/x" * depth + "/k"


@pytest.mark.parametrize(
    "name",
    ["approved", "approver", "policy", "risk", "skip_mask", "state", "votes", "channel", "agent", "token"],
)
def test_body_cannot_claim_approval(house: House, name: str):
    answer = house.post("/v1/requests", {**SAMPLE, name: True})

    assert problem(answer) == (422, "schema")
    assert answer.json()["pointer"] == f"/{name}"


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/grants/redeem", {}, ""), ("/v1/grants/redeem", {"token": 1}, "/token"), ("/v1/grants/redeem", {"token": "x"}, "/payload"),
        ("/v1/grants/redeem", {"token": "x", "payload": {}, "payload_hash": "sha256:" + "0" * 64}, "/payload"),
        ("/v1/grants/redeem", {"token": "x", "payload_hash": "sha256:xyz"}, "/payload_hash"), ("/v1/grants/redeem", {"token": "x", "approved": True}, ""),
        ("/v1/grants/redeem", {"token": "x", "payload": [1]}, "/payload"), ("/v1/grants/redeem", {"token": "x", "payload": {}, "redemption_key": ""}, "/redemption_key"),
        (f"/v1/grants/grt_{'0' * 26}/outcome", {"outcome": "maybe"}, "/outcome"), (f"/v1/grants/grt_{'0' * 26}/outcome", [], ""),
    ],
)  # fmt: skip
def test_a_body_that_is_not_as_the_schema_says_is_422_with_a_pointer(
    house: House, path: str, body: object, pointer: str
):
    answer = house.post(path, body)

    assert problem(answer) == (422, "schema")
    assert answer.json().get("pointer", "") == pointer


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        "",
        "application/json;q=1",
    ],
)
def test_only_json_is_json(house: House, content_type: str):
    assert problem(
        house.call("POST", "/v1/requests", content=sample(), headers={"Content-Type": content_type})
    ) == (415, "media-type")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
def test_the_spellings_of_json_that_are_json_are_taken(house: House, content_type: str):
    assert (
        house.call(
            "POST",
            "/v1/requests",
            content=sample(parameters={"type": content_type}),
            headers={"Content-Type": content_type},
        ).status_code
        == 202
    )


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
def test_a_compressed_body_is_never_opened(house: House, coding: str):
    assert problem(post(house, b"\x1f\x8b", Content_Encoding=coding)) == (415, "content-encoding")


def test_header_fields_are_limited(house: House):
    many = {f"x-{number}": "1" for number in range(HEADERS_MAX)}
    large = {"x-large": "x" * HEADER_BYTES_MAX}

    assert problem(house.get("/v1/requests", headers=many)) == (431, "headers-too-large")
    assert problem(house.get("/v1/requests", headers=large)) == (431, "headers-too-large")
    assert problem(house.get("/v1/requests?state=" + "x" * 3000)) == (400, "bad-query")


def raw(house: House, text: bytes, pause: float = 0, rest: bytes = b"") -> bytes:
    host, port = house.url.removeprefix("http://").split(":")
    head = text.replace(b"%s", f"Authorization: Bearer {house.credentials['bot']}".encode())
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(head)
        if pause:
            time.sleep(pause)
            try:
                wire.sendall(rest)
            except OSError:
                pass
        got = b""
        try:
            while chunk := wire.recv(65536):
                got += chunk
                if b"\r\n\r\n" in got and b"}" in got.split(b"\r\n\r\n", 1)[1]:
                    break
        except OSError:
            pass
        return got


def test_a_slow_body_is_408_and_the_connection_ends(house: House):
    started = time.monotonic()

    answer = raw(
        house,
        b"POST /v1/requests HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too-slow" in answer
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - started < 5


def test_a_body_that_trickles_is_cut_off_as_a_whole(house: House):
    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(
            f"POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.credentials['bot']}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        started = time.monotonic()
        wire.settimeout(0.1)
        got = b""
        while not got and time.monotonic() - started < 5:
            try:
                wire.sendall(b" ")
                got = wire.recv(65536)
            except TimeoutError:
                continue
    assert got.startswith(b"HTTP/1.1 408")


def test_slow_strangers_do_not_slow_others(house: House):
    host, port = house.url.removeprefix("http://").split(":")
    held = [socket.create_connection((host, int(port))) for _ in range(100)]
    for wire in held:
        wire.sendall(b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")

    started = time.monotonic()
    answers = [house.get("/v1/requests?limit=1").status_code for _ in range(20)]
    seconds = time.monotonic() - started
    for wire in held:
        wire.close()

    assert answers == [200] * 20
    assert seconds < 4


@pytest.mark.parametrize("length", ["-1", "+5", "1_0", "abc", "0x10", "5, 5", "１"])
def test_a_content_length_that_is_no_number_is_a_4xx(house: House, length: str):
    head = f"POST /v1/requests HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{}}"

    answer = raw(house, head.encode())

    assert not answer or answer.startswith(b"HTTP/1.1 4")


# --- the bucket -------------------------------------------------------------------------------------------


def test_a_bucket_gives_its_tokens_and_refills_evenly():
    bucket = Buckets()

    assert [bucket.take("a", 60, 0.0) for _ in range(60)] == [0.0] * 60
    assert bucket.take("a", 60, 0.0) == pytest.approx(1.0)
    assert bucket.take("b", 60, 0.0) == 0.0
    assert bucket.take("a", 60, 1.0) == 0.0
    assert bucket.take("a", 60, 1.0) > 0
    assert [bucket.take("a", 60, 10_000.0) for _ in range(60)] == [0.0] * 60
    assert bucket.take("a", 60, 10_000.0) > 0
    assert bucket.take("none", 0, 0.0) > 0


def test_slots_are_given_back():
    slots = Slots(2)

    assert [slots.take("a"), slots.take("a"), slots.take("a"), slots.take("b")] == [True, True, False, True]
    slots.give("a")
    assert slots.take("a")
