"""Where the Connector's keys come from, and from where not (T30, T34)."""

from __future__ import annotations

from aiohttp import web

from adapters.teams.jwks import fetch_keys


async def served(jwks_uri: str | None, status: int = 200) -> object:
    async def openid(request: web.Request) -> web.Response:
        port = request.url.port
        return web.json_response({"jwks_uri": jwks_uri or f"http://127.0.0.1:{port}/keys"}, status=status)

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [1]})

    app = web.Application()
    app.router.add_get("/openid", openid)
    app.router.add_get("/keys", keys)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return await fetch_keys(f"http://127.0.0.1:{runner.addresses[0][1]}/openid")
    finally:
        await runner.cleanup()


async def test_the_key_set_that_the_metadata_names_is_read() -> None:
    assert await served(None) == {"keys": [1]}


async def test_t34_a_key_set_on_another_host_is_not_fetched() -> None:
    for address in ("http://127.0.0.1:1/keys", "https://evil.example/keys", "file:///etc/passwd", ""):
        assert (await served(address) if address else await served("x")) is None


async def test_an_error_or_nobody_there_gives_no_keys() -> None:
    assert await served(None, 500) is None
    assert await fetch_keys("http://127.0.0.1:1/openid") is None
