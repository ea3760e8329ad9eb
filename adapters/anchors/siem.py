"""Continuous delivery to a SIEM: every entry, in order, at least once.

A cursor per sink lives in the log's own database (``audit_outbound``) and moves only after the
sink took the entries, so a crash repeats a few and loses none; the sequence number in each form
makes repeats visible. A sink that refuses keeps the cursor where it is. An entry is sent only when a
signed head covers it.
"""

import asyncio
import sqlite3
import ssl
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import aiohttp

from audit.formats import FORMATS, Entry, entry_of, syslog
from audit.reader import NotInLog, Reader

BATCH_MAX: Final = 500
TIMEOUT_SECONDS: Final = 20


class SinkFault(Exception):
    """The SIEM cannot be reached or did not take the entries; they will be sent again."""


class Sink(Protocol):
    """Where entries go. ``send`` returns only when the other side has taken all of them."""

    name: str

    async def send(self, entries: Sequence[Entry]) -> None: ...


def cursor(connection: sqlite3.Connection, sink: str) -> int:
    """The first sequence number that *sink* has not taken yet."""
    row = connection.execute("SELECT next_seq FROM audit_outbound WHERE sink = ?", (sink,)).fetchone()
    return 0 if row is None else int(row[0])


def pending(connection: sqlite3.Connection, sink: str, limit: int = BATCH_MAX) -> list[Entry]:
    """The next entries for *sink*, oldest first, as far as a signed head covers them."""
    reader = Reader(connection)
    start = max(cursor(connection, sink), reader.minimum())
    try:
        size, _ = reader.latest_note()
    except NotInLog:
        return []
    return [entry_of(seq, leaf) for seq, leaf, _ in reader.leaves(start, min(size, start + limit))]


def advance(connection: sqlite3.Connection, sink: str, entries: Sequence[Entry]) -> None:
    """Note that *sink* took *entries*. Never moves back: two deliverers only repeat each other."""
    connection.execute(
        "INSERT INTO audit_outbound (sink, next_seq, state) VALUES (?1, ?2, 'ok') ON CONFLICT (sink)"
        " DO UPDATE SET next_seq = max(next_seq, ?2), state = 'ok'",
        (sink, entries[-1].seq + 1),
    )


async def deliver(connection: sqlite3.Connection, sink: Sink, limit: int = BATCH_MAX) -> int:
    """Send one batch; how many entries the sink took. Raises ``SinkFault`` and moves nothing when it did not.

    *connection* is the caller's own and in autocommit; with a writer thread, call ``pending`` and
    ``advance`` there instead.
    """
    entries = pending(connection, sink.name, limit)
    if entries:
        await sink.send(entries)
        # If we stop here the entries are sent again at the next start: at least once.
        advance(connection, sink.name, entries)
    return len(entries)


class SyslogTls:
    """RFC 5424 over TLS with octet counting (RFC 5425 section 4.3). Never without TLS."""

    def __init__(self, name: str, host: str, port: int, context: ssl.SSLContext, hostname: str = "-") -> None:
        self.name = name
        self._host, self._port, self._context, self._hostname = host, port, context, hostname

    async def send(self, entries: Sequence[Entry]) -> None:
        """One connection a batch. The closing handshake is the only receipt that syslog has."""
        frames = b"".join(_framed(syslog(entry, self._hostname)) for entry in entries)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._context)
                try:
                    writer.write(frames)
                    await writer.drain()
                    await asyncio.sleep(0)  # let the transport see a reset before we believe it
                    if reader.at_eof():
                        raise SinkFault("the SIEM closed the connection before it had read")
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError) as e:
            raise SinkFault("the SIEM cannot be reached over TLS") from e


def _framed(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


class HttpSink:
    """One of ``FORMATS`` as a POST of lines, such as OCSF or CloudEvents collectors take."""

    def __init__(
        self,
        name: str,
        session: aiohttp.ClientSession,
        url: str,
        form: str,
        token: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self._session, self._url, self._render, self._token = session, url, FORMATS[form], token

    async def send(self, entries: Sequence[Entry]) -> None:
        headers = {"Content-Type": "application/x-ndjson"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        body = b"".join(self._render(entry) for entry in entries)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if not 200 <= response.status < 300:
                    raise SinkFault(f"the SIEM answered {response.status}")
        except (aiohttp.ClientError, TimeoutError) as e:
            raise SinkFault("the SIEM cannot be reached") from e
