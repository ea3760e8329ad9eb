"""Where a SIEM takes entries: RFC 5424 syslog over TLS, and POSTs of JSON or lines.

Decided here: when a batch counts as taken. Deliberately absent: which entries are next and when they are tried again
(``bot.siem``); what an entry looks like (``audit.formats``); how far a call may reach (``bot.outgoing``).
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgspec

from audit.formats import FORMATS, PEN, Entry, cef, cloudevent, otel, syslog
from bot import outgoing
from bot.errors import OutsideFault
from bot.outgoing import NotAllowed, Reach, Resolve, Tls
from bot.secret import Secret

TIMEOUT_SECONDS: Final = 10
"""Inside the outbox's limit for one sending."""
GOODBYE_SECONDS: Final = 5.0


class SinkFault(OutsideFault):
    """The SIEM cannot be reached or did not take the entries; they will be sent again."""


class SyslogTls:
    """RFC 5424 over TLS with octet counting (RFC 5425 section 4.3). Never without TLS. *form*: ``syslog``, or ``cef`` inside it."""

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        context: ssl.SSLContext,
        *,
        form: str = "syslog",
        hostname: str = "-",
        pen: int = PEN,
        reach: Reach = Reach(),
        resolve: Resolve | None = None,
    ) -> None:
        self.name = name
        self._host, self._port, self._context, self._hostname = host, port, context, hostname
        self._form, self._pen, self._reach, self._resolve = form, pen, reach, resolve

    async def send(self, entries: Sequence[Entry]) -> None:
        """One connection a batch. The closing handshake of TLS is the only receipt that syslog has: it says that the other side
        read to the end, not that it stored what it read."""
        frames = b"".join(_framed(self._message(entry)) for entry in entries)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._write(frames)
        except NotAllowed as e:
            raise SinkFault(f"the SIEM is not called: {e}") from e
        except ssl.SSLCertVerificationError as e:
            raise SinkFault(
                "the SIEM's certificate is not under the configured roots, or not for its name"
            ) from e
        except (OSError, TimeoutError) as e:
            raise SinkFault("the SIEM cannot be reached over TLS") from e

    async def _write(self, frames: bytes) -> None:
        found = await outgoing.checked("https", self._host, self._port, self._reach, self._resolve)
        reader, writer = await asyncio.open_connection(
            found[0],
            self._port,
            ssl=self._context,
            server_hostname=self._host,
            ssl_shutdown_timeout=GOODBYE_SECONDS,
        )
        try:
            writer.write(frames)
            await writer.drain()
            if reader.at_eof():
                raise SinkFault("the SIEM closed the connection before it had read")
        finally:
            writer.close()
            await writer.wait_closed()

    def _message(self, entry: Entry) -> bytes:
        whole = syslog(entry, self._hostname, self._pen)
        if self._form == "syslog":
            return whole
        head, _, _ = whole.partition(b"] ")
        return head + b"] " + cef(entry).encode()


def _framed(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


class HttpSink:
    """A POST a batch. ``cloudevents`` is the JSON batch format, ``otel`` is OTLP/HTTP in JSON, the others are lines."""

    def __init__(
        self,
        name: str,
        url: str,
        form: str,
        *,
        token: Secret | None = None,
        tls: Tls = True,
        reach: Reach = Reach(),
        resolve: Resolve | None = None,
    ) -> None:
        self.name = name
        self._url, self._form, self._token = url, form, token
        self._tls, self._reach, self._resolve = tls, reach, resolve

    async def send(self, entries: Sequence[Entry]) -> None:
        media_type, body = _rendered(self._form, entries)
        headers = {"Content-Type": media_type, "User-Agent": "signoff"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        try:
            answer = await outgoing.call(
                "POST",
                self._url,
                body=body,
                headers=headers,
                reach=self._reach,
                seconds=TIMEOUT_SECONDS,
                resolve=self._resolve,
                tls=self._tls,
            )
        except NotAllowed as e:
            raise SinkFault(f"the SIEM is not called: {e}") from e
        except aiohttp.ClientConnectorCertificateError as e:
            raise SinkFault(
                "the SIEM's certificate is not under the configured roots, or not for its name"
            ) from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise SinkFault("the SIEM cannot be reached") from e
        if not 200 <= answer.status < 300:
            raise SinkFault(f"the SIEM answered {answer.status}")
        if self._form == "otel" and _rejected(answer.body):
            raise SinkFault("the SIEM took only some of the entries")


def _rendered(form: str, entries: Sequence[Entry]) -> tuple[str, bytes]:
    match form:
        case "cloudevents":
            return "application/cloudevents-batch+json", json.dumps([cloudevent(e) for e in entries]).encode()
        case "otel":
            service = {"key": "service.name", "value": {"stringValue": "signoff"}}
            logs = {"scope": {"name": "signoff.audit"}, "logRecords": [otel(e) for e in entries]}
            document = {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": [logs]}]}
            return "application/json", json.dumps(document).encode()
        case "cef":
            return "text/plain; charset=utf-8", b"".join(map(FORMATS[form], entries))
        case _:
            return "application/x-ndjson", b"".join(map(FORMATS[form], entries))


def _rejected(body: bytes) -> bool:
    """OTLP's partial success: 200, and some records were not taken (opentelemetry.io/docs/specs/otlp)."""
    try:
        partial = msgspec.json.decode(body, type=_Accepted).partialSuccess if body else None
        return partial is not None and int(partial.rejectedLogRecords) > 0
    except (msgspec.DecodeError, ValueError):
        return False


class _Partial(msgspec.Struct):
    rejectedLogRecords: int | str = 0  # noqa: N815 - the wire's name


class _Accepted(msgspec.Struct):
    partialSuccess: _Partial | None = None  # noqa: N815 - the wire's name
