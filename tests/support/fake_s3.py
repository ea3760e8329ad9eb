"""An S3 with Object Lock on a real socket, for path-style PUT, GET and ListObjectsV2. Written from the S3 API reference.

It refuses what S3 refuses: a wrong signature, a body that is not the one that was signed, a lock without Content-MD5, a retention in
the past, a bucket without Object Lock, a second object where ``If-None-Match: *`` was asked. The signature is checked by
``signature`` below, which the published example of Signature Version 4 holds to (see its test).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from aiohttp import web


@dataclass
class FakeS3:
    bucket: str
    secret: str
    now: datetime
    region: str = "eu-test-1"
    has_lock: bool = True
    is_down: bool = False
    url: str = ""
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        body = await request.read()
        if (why := self.refusal(request, body)) is not None:
            return web.Response(status=403, text=f"<Error><Code>{why}</Code></Error>")
        bucket, _, key = request.path.removeprefix("/").partition("/")
        if bucket != self.bucket:
            return web.Response(status=404)
        if request.method == "PUT":
            return self.put(key, body, request)
        if key:
            found = self.objects.get(key)
            return web.Response(status=404) if found is None else web.Response(body=found[0])
        asked = dict(parse_qsl(request.query_string))
        keys = sorted(k for k in self.objects if k.startswith(asked["prefix"]))[: int(asked["max-keys"])]
        listed = "".join(f"<Contents><Key>{escape(k)}</Key></Contents>" for k in keys)
        return web.Response(text=f"<ListBucketResult>{listed}</ListBucketResult>")

    def put(self, key: str, body: bytes, request: web.Request) -> web.Response:
        until = datetime.strptime(
            request.headers["x-amz-object-lock-retain-until-date"], "%Y-%m-%dT%H:%M:%SZ"
        ).replace(tzinfo=UTC)
        md5 = b64encode(hashlib.md5(body).digest()).decode()
        if not self.has_lock or until <= self.now or request.headers.get("content-md5") != md5:
            return web.Response(status=400, text="<Error><Code>InvalidRequest</Code></Error>")
        if request.headers.get("if-none-match") == "*" and key in self.objects:
            return web.Response(status=412)
        assert request.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
        self.objects[key] = (body, until)
        return web.Response()

    def refusal(self, request: web.Request, body: bytes) -> str | None:
        given = request.headers.get("authorization", "")
        try:
            _, _, rest = given.partition(" ")
            parts = dict(part.strip().split("=", 1) for part in rest.split(","))
            names = parts["SignedHeaders"].split(";")
        except (ValueError, KeyError):
            return "AccessDenied"
        if request.headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        if {"host", "x-amz-date", "x-amz-content-sha256"} - set(names):
            return "AccessDenied"
        stamp = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((stamp - self.now).total_seconds()) > 900:
            return "RequestTimeTooSkewed"
        wanted = signature(
            request.method,
            request.raw_path.partition("?")[0],
            request.query_string,
            {name: request.headers[name] for name in names},
            request.headers["x-amz-content-sha256"],
            request.headers["x-amz-date"],
            self.region,
            self.secret,
        )
        return None if hmac.compare_digest(wanted, parts["Signature"]) else "SignatureDoesNotMatch"


def signature(method, raw_path, query_string, headers, body_sha256, stamp, region, secret) -> str:
    """Signature Version 4 for the service ``s3``, straight down its description."""
    query = "&".join(
        f"{quote(k, safe='~')}={quote(v, safe='~')}"
        for k, v in sorted(parse_qsl(query_string, keep_blank_values=True))
    )
    head = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    whole = f"{method}\n{raw_path}\n{query}\n{head}\n{';'.join(sorted(headers))}\n{body_sha256}"
    day = stamp[:8]
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/{region}/s3/aws4_request\n{hashlib.sha256(whole.encode()).hexdigest()}"
    key = hmac.new(("AWS4" + secret).encode(), day.encode(), "sha256").digest()
    key = hmac.new(key, region.encode(), "sha256").digest()
    key = hmac.new(key, b"s3", "sha256").digest()
    key = hmac.new(key, b"aws4_request", "sha256").digest()
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


@asynccontextmanager
async def fake_s3(now: datetime, bucket: str = "heads", secret: str = "s3cr3t"):
    s3 = FakeS3(bucket, secret, now)
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", s3.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    s3.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield s3
    finally:
        await runner.cleanup()
