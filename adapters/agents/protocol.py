"""The HTTP/1.1 protocol for uvicorn with a limit on the head of a request, which uvicorn does not have (T57, slowloris).

Decided here: a connection whose next head is not complete within ``HEAD_SECONDS``, or is larger than ``HEAD_BYTES_MAX``, is closed
without an answer. Give it to uvicorn: ``Config(..., http=BoundedHttp)``. Bodies are bounded by the routes that read them.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 10.0
HEAD_BYTES_MAX: Final = 64 * 1024
"""Far above what routes accept (16 KiB, answered 431); this is what is held before we can answer at all."""


class BoundedHttp(HttpToolsProtocol):
    """See the module."""

    head_seconds: float = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # A large body may come with its head in one piece, and most heads come whole: only an unfinished head counts.
        if self._in_head and self._head_bytes:
            if self._head_bytes > HEAD_BYTES_MAX:
                self._drop()
            elif self._head_timer is None:
                self._watch_head()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._forget_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True

    def _watch_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._drop)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _drop(self) -> None:
        self._forget_head()
        if not self.transport.is_closing():
            self.transport.close()
