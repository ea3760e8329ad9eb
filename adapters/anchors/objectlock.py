"""The signed head as an object that nobody can delete before its time: S3 Object Lock in compliance mode.

One object a head, written once (``If-None-Match: *``), under a name that sorts the newest first, so that one listing of one key
recalls it. Knows of S3 what it needs: PUT, GET and ListObjectsV2 in path style, signed with Signature Version 4
(docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; its published examples are tests). A bucket without
Object Lock refuses the retention header, so a head that was taken is locked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from audit.checkpoint import NOTE_BYTES_MAX, Checkpoint, parse_checkpoint, split_note
from bot import outgoing
from bot.errors import OutsideFault
from bot.outgoing import Answered, NotAllowed, Reach, Resolve
from bot.secret import Secret

TIMEOUT_SECONDS: Final = 8
"""Two calls stay inside the outbox's limit for one sending."""
SIZES_END: Final = 10**19
"""Above every tree size (tlog-checkpoint); names count down from it."""
_KEY: Final = re.compile(r"<Key>([^<]{1,1024})</Key>")


class ObjectLockFault(OutsideFault):
    """The store cannot be reached, or did not take the head."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """*prefix* is empty or ends in a slash."""

    endpoint: str
    region: str
    name: str
    access_key_id: str
    secret: Secret
    prefix: str = ""


class ObjectLock:
    """``Anchor`` over a bucket."""

    name = "object-lock"

    def __init__(
        self,
        bucket: Bucket,
        retain: timedelta,
        now: Callable[[], datetime],
        reach: Reach = Reach(),
        resolve: Resolve | None = None,
    ) -> None:
        self._bucket = bucket
        self._retain = retain
        self._now = now
        self._reach = reach
        self._resolve = resolve

    async def remember(self, checkpoint: str) -> None:
        """Put *checkpoint* under its own name. A head of the same size that is there already must be this very one."""
        head = parse_checkpoint(split_note(checkpoint)[0])
        body = checkpoint.encode()
        until = (self._now() + self._retain).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            "content-type": "text/plain; charset=utf-8",
            "content-md5": b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            "if-none-match": "*",
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": until,
        }
        path = self._path(head)
        answer = await self._call("PUT", path, {}, body, headers)
        if answer.status == 412:
            kept = await self._call("GET", path, {})
            if (
                kept.status != 200
                or split_note(kept.body.decode(errors="replace"))[0] != split_note(checkpoint)[0]
            ):
                raise ObjectLockFault(f"the bucket holds another head of {head.size} entries")
            return
        if answer.status != 200:
            raise ObjectLockFault(f"the bucket did not take the head ({answer.status})")

    async def recall(self) -> str | None:
        """The largest head in the bucket."""
        query = {"list-type": "2", "max-keys": "1", "prefix": f"{self._bucket.prefix}heads/"}
        listed = await self._call("GET", f"/{self._bucket.name}", query)
        if listed.status != 200:
            raise ObjectLockFault(f"the bucket cannot be listed ({listed.status})")
        found = _KEY.search(listed.body.decode(errors="replace"))
        if found is None:
            return None
        answer = await self._call("GET", f"/{self._bucket.name}/{unquote(found[1])}", {})
        if answer.status != 200:
            raise ObjectLockFault(f"the bucket's newest head cannot be read ({answer.status})")
        return answer.body.decode(errors="replace")

    def _path(self, head: Checkpoint) -> str:
        # The root is in the name too: after a restore the log may reach a size a second time, with other entries.
        name = f"{SIZES_END - 1 - head.size:019d}-{head.size}-{head.root.hex()[:16]}"
        return f"/{self._bucket.name}/{self._bucket.prefix}heads/{name}"

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        host = urlsplit(self._bucket.endpoint).netloc
        signed = sign(method, host, path, query, {**(headers or {})}, body, self._bucket, self._now())
        asked = f"{_path(path)}?{_query(query)}" if query else _path(path)
        try:
            return await outgoing.call(
                method,
                self._bucket.endpoint.rstrip("/") + asked,
                body=body,
                headers=signed,
                reach=self._reach,
                seconds=TIMEOUT_SECONDS,
                body_max=NOTE_BYTES_MAX,
                resolve=self._resolve,
            )
        except NotAllowed as e:
            raise ObjectLockFault(f"the bucket is not called: {e}") from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise ObjectLockFault("the bucket cannot be reached") from e


def sign(
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    bucket: Bucket,
    now: datetime,
) -> dict[str, str]:
    """*headers* (lower-case names) with Signature Version 4 over all of them, the path, the query and the body's hash."""
    stamp, digest = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
    all_headers = {**headers, "host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(sorted(all_headers))
    lines = [f"{name}:{all_headers[name].strip()}" for name in sorted(all_headers)]
    canonical = "\n".join([method, _path(path), _query(query), *lines, "", names, digest])
    scope = f"{stamp[:8]}/{bucket.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + bucket.secret.reveal().encode()
    for part in (stamp[:8], bucket.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={bucket.access_key_id}/{scope},SignedHeaders={names},Signature={signature}"
    return {**all_headers, "authorization": authorization}


def _path(path: str) -> str:
    return quote(path, safe="/-_.~")


def _query(query: Mapping[str, str]) -> str:
    pairs = [(quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in query.items()]
    return "&".join(f"{k}={v}" for k, v in sorted(pairs))
