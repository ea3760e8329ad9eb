"""Assembly: the one file, beside the command line, that knows every adapter. From a ``Config`` to a running bot.

Decided here: the order of starting and stopping. Keys, then the store, then the start-up gate (a log older than its outside
memory does not start), then the policy, then masking; only then does anything listen. A policy that cannot be used leaves the
bot running without one, so that nobody may do anything but everybody may still deny, look and revoke (I9, I13).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.agents.app import create_routes as agent_routes
from adapters.agents.callbacks import CallbackSender
from adapters.agents.direct import Direct
from adapters.agents.limits import AgentsSettings
from adapters.agents.metrics import Metrics
from adapters.agents.protocol import BoundedHttp
from adapters.anchors.headfile import HeadFile
from adapters.keys.files import FileKeys
from adapters.keys.files import load as load_keys
from adapters.stores.seal import Mac
from adapters.stores.sqlite import SqliteStore
from adapters.web.app import create_routes as console_routes
from adapters.web.csp import security_headers
from adapters.web.guard import OfferLink
from adapters.web.settings import OidcSettings, WebSettings
from audit import genesis
from audit.disclosure import GcmSealer
from audit.journal import Journal
from bot import __version__, audit_wiring, glass, listening, mint
from bot.audit_wiring import AuditParts
from bot.chat.link import Links
from bot.chat.reconcile import reconciling
from bot.clock import SystemClock
from bot.config import Config
from bot.core.ids import GroupName
from bot.core.people import Actor
from bot.desk.context import DeskSettings, Office
from bot.desk.entries import SYSTEM
from bot.desk.service import DeskService
from bot.directory import PolicyDirectory
from bot.errors import ConfigError
from bot.identity_wiring import ConsoleKeys, workloads
from bot.key_lock import using
from bot.log_check import check_head, library_of, verifier_of
from bot.masking_config import deep_settings, engine_config, rewrite_of
from bot.noticing import noticing
from bot.outbox import Outbox
from bot.policy_file import put_in_force, rereading
from bot.ports import Surface, Tx
from bot.rand import OsRand
from bot.scheduler import Periodic, Scheduler, purge
from bot.watch import LocalWatch
from masking import Worker
from masking.tokens import Tokens

if TYPE_CHECKING:
    from types import FrameType

    from bot.slack_wiring import Slack
    from bot.teams_wiring import Teams

GROUPS_EVERY: Final = timedelta(minutes=3)
"""How long a gain of a chat group may go unseen when nobody votes (usergroups.users.list takes twenty calls a minute)."""
STOP_SECONDS: Final = 10
"""How long open connections (long polls, streams) may take to end when the server stops."""

GARBAGE_THRESHOLDS: Final = (20_000, 10, 20)
"""Objects made before the youngest are looked through; some hundred calls' worth, a few megabytes."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Bot:
    """Everything that runs, for whoever assembles: the server, the command line, the tests."""

    config: Config
    keys: FileKeys
    store: SqliteStore
    office: Office
    desk: DeskService
    head_file: HeadFile | None
    outbox: Outbox
    scheduler: Scheduler
    links: Links
    slack: Slack | None
    teams: Teams | None
    audit: AuditParts
    routes: list[BaseRoute] = field(default_factory=list)


def row_mac(keys: FileKeys) -> Mac:
    """What seals the rows of this installation's database (T46)."""
    return partial(keys.mac, "row-seal")


def assemble(config: Config) -> Bot:
    """Build, without starting anything. ``ConfigError`` says what to mend."""
    clock, rand = SystemClock(), OsRand()
    keys = load_keys(config.keys.directory, rand)
    signers = keys.log_signers(config.audit_origin)
    journal = Journal(
        config.audit_origin,
        signers[0],
        rand.bytes,
        sealer=GcmSealer(keys, rand.bytes),
        extra_signers=signers[1:],
    )
    store = SqliteStore(config.store.path, clock, journal, mac=row_mac(keys))
    settings = config.masking
    token_keys = keys.token_keys()
    worker = Worker(
        engine_config(settings),
        workers=settings.processes,
        timeout_seconds=settings.timeout.total_seconds(),
        tokens=(token_keys, config.audit_origin) if token_keys is not None else None,
        deep=deep_settings(settings),
    )
    directory = PolicyDirectory(store)
    office = Office(
        store=store,
        clock=clock,
        rand=rand,
        keys=keys,
        masker=worker,
        directory=directory,
        watch=LocalWatch(),
        settings=DeskSettings(
            config.server.url,
            cool_down=config.people.cool_down,
            reveal_from=frozenset({"slack"})
            if config.slack is not None and config.slack.reveal == "chat"
            else frozenset(),
            open_tokens=GroupName(settings.open_tokens.removeprefix("group:"))
            if settings.open_tokens
            else None,
        ),
        tokens=Tokens(token_keys, config.audit_origin) if token_keys is not None else None,
    )
    desk = DeskService(office, verifier_of(store, keys, config), library_of(store, keys, config))
    head_file = HeadFile(config.audit.head_file) if config.audit.head_file is not None else None
    links = Links(store, desk, clock, rand, keys.mac)
    slack = _slack(config, office, desk, directory, links)
    teams = _teams(config, office, desk, links)
    surfaces: dict[str, Surface] = {
        chat.surface.prefix: chat.surface for chat in (slack, teams) if chat is not None
    }
    metrics = Metrics()
    callbacks = CallbackSender(
        store, keys, clock, _agent_settings(config, has_token_keys=token_keys is not None), metrics
    )
    audit = audit_wiring.assemble(
        config,
        store,
        clock,
        surfaces,
        metrics.registry,
        second=next(iter(keys.second_signers(config.audit_origin)), None),
    )
    speaking = {chat.surface.prefix: chat.surface for chat in (slack, teams) if chat is not None}
    senders = {**audit.senders, "glass": glass.sender(desk, speaking)}
    outbox = Outbox(store, clock, rand, surfaces=surfaces, callbacks=callbacks, senders=senders)
    audit.wake(outbox.poke)
    periodic = [purge(store), noticing(store, office.watch), *audit.periodic]
    if surfaces:
        periodic.append(reconciling(store, tuple(surfaces.values())))
    if slack is not None:
        periodic.append(Periodic("chat groups", GROUPS_EVERY, lambda: directory.watch(office.book.policy)))
    scheduler = Scheduler(desk, clock, periodic)
    office.poke, office.nudge = outbox.poke, scheduler.nudge
    bot = Bot(config, keys, store, office, desk, head_file, outbox, scheduler, links, slack, teams, audit)
    bot.routes = _routes(bot, worker, metrics)
    return bot


def _teams(config: Config, office: Office, desk: DeskService, links: Links) -> Teams | None:
    if config.teams is None:
        return None
    from bot import teams_wiring

    return teams_wiring.assemble(config.teams, config, office, desk, links)


def _slack(
    config: Config, office: Office, desk: DeskService, directory: PolicyDirectory, links: Links
) -> Slack | None:
    if config.slack is None:
        return None
    from bot import slack_wiring

    slack = slack_wiring.assemble(config.slack, office, desk, links)
    directory.slack_members = slack.members
    return slack


def _routes(bot: Bot, worker: Worker, metrics: Metrics) -> list[BaseRoute]:
    office, config = bot.office, bot.config
    agents = agent_routes(
        bot.desk,
        _agent_settings(config, has_token_keys=office.tokens is not None),
        store=bot.store,
        keys=bot.keys,
        clock=office.clock,
        masker=worker,
        workloads=workloads(config, office.clock),
        metrics=metrics,
    )
    oidc = config.console.oidc
    signing_keys = ConsoleKeys(oidc.jwks_uri, office.clock) if oidc is not None else None
    console = console_routes(
        bot.desk,
        bot.store,
        office.clock,
        office.rand,
        web_settings(config),
        keys=signing_keys,
        offer_link=_offer(bot),
        alarms=bot.audit.board.standing,
    )
    chat = (
        [bot.slack.app.route]
        if bot.slack is not None and config.slack and config.slack.mode == "http"
        else []
    )
    if bot.teams is not None:
        chat.append(bot.teams.app.route)
    return [*console, *chat, *agents]


def _offer(bot: Bot) -> OfferLink | None:
    """Codes that link chat accounts, for the console; none when there is no chat."""
    if bot.slack is None and bot.teams is None:
        return None

    async def offer(actor: Actor) -> tuple[str, datetime]:
        made = await bot.links.offer(actor)
        return made.code, made.until

    return offer


def _agent_settings(config: Config, *, has_token_keys: bool) -> AgentsSettings:
    return AgentsSettings(
        rewrite=rewrite_of(config.masking),
        vault_for=config.masking.rewrite.vault_for,
        has_token_keys=has_token_keys,
        callback_private_hosts=frozenset(config.agents.callbacks.private_hosts),
    )


def web_settings(config: Config) -> WebSettings:
    oidc = config.console.oidc
    return WebSettings(
        config.server.url,
        idle=config.console.session_idle,
        absolute=config.console.session_max,
        password_file=config.console.password_file,
        oidc=None
        if oidc is None
        else OidcSettings(
            issuer=oidc.issuer,
            client_id=oidc.client_id,
            client_secret=oidc.client_secret.reveal(),
            authorization_endpoint=oidc.authorization_endpoint,
            token_endpoint=oidc.token_endpoint,
            jwks_uri=oidc.jwks_uri,
            label=oidc.label,
            scopes=oidc.scopes,
            groups_claim=oidc.groups_claim or "",
            algorithms=oidc.algorithms,
        ),
    )


@contextlib.asynccontextmanager
async def open_bot(config: Config) -> AsyncIterator[Bot]:
    """The bot without its server: store open, log checked, policy in force, masking ready. For the server and for
    commands that administer. The store is safe to open beside a running server."""
    with using(config.keys.directory):
        async with _open(config) as bot:
            yield bot


@contextlib.asynccontextmanager
async def _open(config: Config) -> AsyncIterator[Bot]:
    bot = assemble(config)
    config.store.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    await bot.store.open()
    try:
        await check_head(bot.store, [plan.anchor for plan in bot.audit.plans], bot.keys, config)
        await put_in_force(config.policy.file, bot.desk)
        worker = bot.office.masker
        assert isinstance(worker, Worker)
        if worker.deep_lack:
            _log.warning(
                "masking.deep is asked for and cannot be had, so previews are masked without it; `signoff doctor` says why"
            )
        await worker.start()
        try:
            yield bot
        finally:
            await worker.stop()
    finally:
        await bot.store.close()


@contextlib.asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[None]:
    """The outbox, the scheduler and the chats, until the block ends; the log says when it began and when it ended in order."""
    await _journal_life(bot, start=True)
    async with asyncio.TaskGroup() as tasks:
        if bot.slack is not None:
            await bot.slack.app.start()
        tasks.create_task(bot.outbox.run(), name="outbox")
        bot.scheduler.start()
        try:
            yield
        finally:
            await bot.scheduler.stop()
            bot.outbox.stop()
            if bot.slack is not None:
                await bot.slack.app.stop()
            if bot.teams is not None:
                await bot.teams.app.stop()
            await _journal_life(bot, start=False)
            await bot.audit.anchoring.stop()


async def _journal_life(bot: Bot, *, start: bool) -> None:
    """PCI DSS 10.2.1.6: starting and stopping the log are entries of it."""
    origin = bot.config.audit_origin
    vkey = bot.keys.log_signers(origin)[0].vkey
    second = next((signer.vkey for signer in bot.keys.second_signers(origin)), None)

    def work(tx: Tx) -> None:
        now = tx.now()
        id = mint.entry_id(now, bot.office.rand)
        tx.append(
            genesis.started(id, vkey, __version__, SYSTEM, now, second_vkey=second)
            if start
            else genesis.stopped(id, SYSTEM, now)
        )

    await bot.store.write(work)


async def serve(config: Config, ready: Callable[[str], None] | None = None) -> None:
    """Serve until the process is told to stop; SIGHUP reads the policy again. *ready* hears the address once it listens.
    ``ConfigError``, with nothing opened, when the address or the certificate cannot be used."""
    server = config.server
    if server.tls is not None:
        listening.check_tls(server.tls.certificate_file, server.tls.key_file)
    with contextlib.closing(listening.bound(server.host, server.port)) as sock:
        async with open_bot(config) as bot:
            listening.listen(sock, server.host, server.port)
            _spare_collector()
            async with running(bot), rereading(config.policy.file, bot.desk):
                await _Server(_uvicorn(config, asgi(bot)), ready, bot.office.watch.close).serve([sock])


def _spare_collector() -> None:
    """What stands now stands for ever (the engines of masking, the policy, the modules): looking through all of it for garbage
    again and again would cost more than what a call leaves behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


class _Server(uvicorn.Server):
    """uvicorn's server, which says where it listens once it does (port 0 is chosen by the system)."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[str], None] | None, leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._leaving = ready, leaving

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Whoever waits is answered with what is known; otherwise uvicorn would wait for them, and cut them off in the end."""
        self._leaving()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._ready is not None:
            port = self.servers[0].sockets[0].getsockname()[1]
            scheme = "https" if self.config.ssl_certfile else "http"
            self._ready(f"{scheme}://{self.config.host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving. uvicorn's own remembers the signal and sends it again once it has served, which would end the process before
        the log says that it stopped and the head file holds that entry."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def asgi(bot: Bot) -> ASGIApp:
    """The application as the server runs it. Answers that no route made (404, 500) carry the security headers too."""
    starlette = Starlette(routes=bot.routes)
    starlette.router.redirect_slashes = False  # a redirect would be made from the Host header (T33)
    app = Direct(bot.routes, starlette)
    https = bot.config.server.url.startswith("https://")
    extra = [(k.encode(), v.encode()) for k, v in security_headers(https=https).items()]

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                present = {name.lower() for name, _ in headers}
                if b"content-security-policy" not in present:
                    message["headers"] = [*headers, *[pair for pair in extra if pair[0] not in present]]
            await send(message)

        await app(scope, receive, told)

    return guarded


def _uvicorn(config: Config, app: Any) -> uvicorn.Config:
    server = config.server
    tls = server.tls
    return uvicorn.Config(
        app,
        host=server.host,
        port=server.port,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=server.behind_proxy,
        forwarded_allow_ips=",".join(server.trusted_proxies),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=listening.BACKLOG,
        ssl_certfile=str(tls.certificate_file) if tls else None,
        ssl_keyfile=str(tls.key_file) if tls else None,
    )


__all__ = ["Bot", "ConfigError", "assemble", "open_bot", "running", "serve", "web_settings"]
