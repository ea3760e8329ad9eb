"""The witness at work: a small server for another host, and the ``Anchor`` that asks it.

The server keeps one row per log and moves it by compare-and-swap *before* it answers, so two
answers can never lie on different histories (c2sp.org/tlog-witness).
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from audit.checkpoint import BadNote, Verifier
from audit.merkle import EMPTY_ROOT
from audit.witness import BODY_MAX, Cosigner, Seen, add_cosignature, answer, head_of, request_body
from bot import outgoing
from bot.errors import OutsideFault
from bot.outgoing import NotAllowed, Reach, Resolve

TIMEOUT_SECONDS: Final = 8
"""Two calls stay inside the outbox's limit for one sending."""
Prove = Callable[[int, int], Awaitable[Sequence[bytes]]]
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL) STRICT"


class WitnessFault(OutsideFault):
    """The witness cannot be reached, or refuses: 409 and 422 mean that it has seen another history."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class WitnessStore:
    """What a witness remembers, in a file of its own."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_SCHEMA)

    def seen(self, origin: str) -> Seen:
        row = self._connection.execute("SELECT size, root FROM seen WHERE origin = ?", (origin,)).fetchone()
        return Seen(0, EMPTY_ROOT) if row is None else Seen(row[0], row[1])

    def note(self, origin: str) -> str | None:
        row = self._connection.execute("SELECT note FROM seen WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else str(row[0])

    def advance(self, origin: str, old: Seen, new: Seen, note: str) -> bool:
        """Move from *old* to *new*, durably; False when somebody else moved it meanwhile."""
        values = (origin, new.size, new.root, note, old.size, old.root)
        cursor = self._connection.execute(
            "INSERT INTO seen VALUES (?1, ?2, ?3, ?4) ON CONFLICT (origin) DO UPDATE"
            " SET size = ?2, root = ?3, note = ?4 WHERE size = ?5 AND root = ?6",
            values,
        )
        return cursor.rowcount == 1

    def forget(self, origin: str) -> None:
        """Remember nothing of *origin*: the next head starts from zero."""
        self._connection.execute("DELETE FROM seen WHERE origin = ?", (origin,))

    def close(self) -> None:
        self._connection.close()


def app(
    store: WitnessStore, logs: Sequence[Verifier], cosigner: Cosigner, now: Callable[[], datetime]
) -> Starlette:
    """``POST /add-checkpoint`` and ``GET /head?origin=``."""
    known = {verifier.name: verifier for verifier in logs}

    async def add_checkpoint(request: Request) -> Response:
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > BODY_MAX:
                return PlainTextResponse("too large\n", 413)
        try:
            body = raw.decode()
        except UnicodeDecodeError:
            return PlainTextResponse("not text\n", 400)
        result = answer(body, known.get, store.seen, cosigner, now())
        if result.seen is not None:
            note = body.partition("\n\n")[2]
            origin = head_of(note).origin
            old = int(body.split("\n", 1)[0][4:])
            before = store.seen(origin)
            if before.size != old or not store.advance(origin, before, result.seen, note):
                return PlainTextResponse(f"{store.seen(origin).size}\n", 409, media_type="text/x.tlog.size")
        media = "text/x.tlog.size" if result.status == 409 else "text/plain"
        return PlainTextResponse(result.body, result.status, media_type=media)

    async def head(request: Request) -> Response:
        note = store.note(request.query_params.get("origin", ""))
        return PlainTextResponse("nothing seen\n", 404) if note is None else PlainTextResponse(note)

    return Starlette(
        routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"]), Route("/head", head)]
    )


class WitnessAnchor:
    """``Anchor`` over a witness. *prove* gives the consistency proof between two sizes of our log."""

    name = "witness"

    def __init__(
        self,
        url: str,
        origin: str,
        witness: Verifier,
        prove: Prove,
        reach: Reach = Reach(),
        resolve: Resolve | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._origin = origin
        self._witness = witness
        self._prove = prove
        self._reach = reach
        self._resolve = resolve
        self._size = 0

    async def remember(self, checkpoint: str) -> str | None:
        """Have *checkpoint* cosigned; the witness's signature line over it. ``WitnessFault`` when refused."""
        head = head_of(checkpoint)
        if head.size < self._size:
            return None  # a late delivery: a larger head is cosigned already
        status = 0
        for _ in range(2):
            body = request_body(self._size, await self._prove(self._size, head.size), checkpoint)
            status, text = await self._call("POST", "/add-checkpoint", body.encode())
            if status == 200:
                return self._keep(checkpoint, text, head.size)
            if status != 409 or not _is_size(text) or int(text) == self._size:
                break
            if int(text) > head.size:
                raise WitnessFault(
                    f"the witness has seen {int(text)} entries, this log has {head.size}: rolled back", status
                )
            self._size = int(text)
        raise WitnessFault(f"the witness refuses the head of {head.size} entries ({status})", status)

    async def recall(self) -> str | None:
        """The newest head the witness has signed for this log. C2SP has no call for it: only our own witness answers."""
        status, text = await self._call("GET", f"/head?origin={quote(self._origin, safe='')}")
        if status == 404:
            return None
        if status != 200:
            raise WitnessFault(f"the witness answered {status}", status)
        return text

    def _keep(self, checkpoint: str, text: str, size: int) -> str:
        try:
            cosigned = add_cosignature(checkpoint, text, self._witness)
        except BadNote as e:
            raise WitnessFault("the witness's answer is not its signature over this head", 200) from e
        self._size = size
        return cosigned.removeprefix(checkpoint)

    async def _call(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        try:
            answer = await outgoing.call(
                method,
                self._url + path,
                body=body,
                reach=self._reach,
                seconds=TIMEOUT_SECONDS,
                body_max=BODY_MAX,
                resolve=self._resolve,
            )
        except NotAllowed as e:
            raise WitnessFault(f"the witness is not called: {e}") from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise WitnessFault("the witness cannot be reached") from e
        return answer.status, answer.body.decode(errors="replace")


def _is_size(text: str) -> bool:
    return text.strip().isascii() and text.strip().isdecimal() and len(text) <= 20
