"""A real uvicorn on a free loopback port, in its own thread and event loop, and a real headless Chromium to look at it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from adapters.agents.direct import Direct

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: install the package chromium"
)


def free_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    return sock


@dataclass
class Served:
    url: str
    loop: asyncio.AbstractEventLoop
    extra: dict[str, Any] = field(default_factory=dict)

    def run(self, coroutine: Any) -> Any:
        """Run *coroutine* on the server's own loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)


@contextmanager
def serve(build: Callable[[str], Any]) -> Iterator[Served]:
    """Serve what the coroutine function ``build(url)`` gives: a list of routes, or ``(routes, extra)``."""
    sock = free_socket()
    sock.listen(128)  # connections wait here until the server takes the socket over
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    ready = threading.Event()
    state: dict[str, Any] = {}

    async def main() -> None:
        built = await build(url)
        routes, extra = built if isinstance(built, tuple) else (built, {})
        all_routes: list[BaseRoute] = routes
        app = Direct(all_routes, Starlette(routes=all_routes))  # as bot.app has it
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=1
            )
        )
        state.update(loop=asyncio.get_running_loop(), server=server, extra=extra)
        ready.set()
        await server.serve(sockets=[sock])

    def target() -> None:
        try:
            asyncio.run(main())
        except BaseException as e:
            state["error"] = e
            ready.set()

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    assert ready.wait(20)
    if "error" in state:
        raise state["error"]
    try:
        yield Served(url, state["loop"], state["extra"])
    finally:
        state["server"].should_exit = True
        thread.join(10)
        sock.close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A Playwright browser; closed afterwards whatever happened."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--force-color-profile=srgb",
                "--font-render-hinting=none",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()
