"""Puts together what leaves the audit log: anchors, SIEMs, the watch for gaps, and the board of alarms.

Decided here: which setting becomes which adapter. What needs an extra is imported where it is set, and its absence is a
``ConfigError`` that names the extra.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from adapters.anchors.chatnote import ChatNote
from adapters.anchors.headfile import HeadFile
from adapters.anchors.objectlock import Bucket, ObjectLock
from adapters.anchors.second import SecondSignature
from adapters.anchors.siem import HttpSink, SyslogTls
from adapters.anchors.witness import Prove, WitnessAnchor
from adapters.stores.sqlite import SqliteStore
from audit.checkpoint import MlDsaSigner, has_mldsa, parse_vkey
from audit.reader import Reader
from bot import anchoring, siem
from bot.alerts import Board, Speaking
from bot.anchoring import Anchoring, Plan
from bot.audit_metrics import AuditMetrics
from bot.chat.page import Page
from bot.config import Config
from bot.config_audit import ObjectLockAnchor, TimestampAnchor
from bot.config_audit import Siem as SiemSettings
from bot.errors import ConfigError
from bot.gap_watch import GapWatch
from bot.log_check import connect_read_only
from bot.outbox import Sender
from bot.outgoing import Reach, Resolve, Tls
from bot.ports import Anchor, Clock
from bot.scheduler import Periodic
from bot.siem import Siem, Sink

HEAD_FILE_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AuditParts:
    """What the assembly needs: ``senders`` for the outbox, ``periodic`` for the scheduler, the board for the console."""

    board: Board
    anchoring: Anchoring
    siem: Siem
    gaps: GapWatch
    plans: tuple[Plan, ...]
    gaps_every: timedelta

    @property
    def senders(self) -> Mapping[str, Sender]:
        return {"anchor": self.anchoring.send, "siem": self.siem.send, "alert": self.board.send}

    @property
    def periodic(self) -> list[Periodic]:
        return [
            Periodic("anchors", anchoring.LOOK_EVERY, self.anchoring.look),
            Periodic("siem", siem.LOOK_EVERY, self.siem.look),
            Periodic("audit gaps", self.gaps_every, self.gaps.look),
        ]

    def wake(self, poke: Callable[[], None]) -> None:
        """*poke* wakes the outbox, which is made after us."""
        self.board.poke = self.anchoring.poke = self.siem.poke = poke


def assemble(
    config: Config,
    store: SqliteStore,
    clock: Clock,
    surfaces: Mapping[str, object],
    registry: CollectorRegistry,
    resolve: Resolve | None = None,
    second: MlDsaSigner | None = None,
) -> AuditParts:
    """*surfaces* by prefix; those of ours can ``say``. *second* signs heads again where the settings want it."""
    settings, metrics = config.audit, AuditMetrics(registry)
    speaking = cast("Mapping[str, Speaking]", surfaces)
    board = Board(store, channel=settings.alerts.channel, surfaces=speaking, count=metrics)
    plans = tuple(plans_of(config, store, clock, speaking, resolve))
    if second is not None and settings.second_signature is not None and has_mldsa():
        signing = SecondSignature(second, clock.now)
        plans += (Plan(signing, settings.second_signature.every, outside=False),)
    grace = settings.alerts.lag_after
    reach = Reach(frozenset(settings.private_hosts))
    hostname = urlsplit(config.server.url).hostname or "-"
    sinks: Sequence[Sink] = [sink_of(sink, hostname, reach, resolve) for sink in settings.siem]
    return AuditParts(
        board,
        Anchoring(store, clock, plans, board, grace=grace, gauges=metrics),
        Siem(store, clock, sinks, board, grace=grace, gauges=metrics),
        GapWatch(store, clock, board, gauges=metrics),
        plans,
        settings.alerts.gaps_every,
    )


def plans_of(
    config: Config,
    store: SqliteStore,
    clock: Clock,
    surfaces: Mapping[str, Speaking],
    resolve: Resolve | None = None,
) -> list[Plan]:
    """Every anchor that is set, with its pace."""
    settings, anchors = config.audit, config.audit.anchors
    reach = Reach(frozenset(settings.private_hosts))
    plans = []
    if settings.head_file is not None:
        plans.append(Plan(HeadFile(settings.head_file), HEAD_FILE_EVERY, at_stop=True))
    if anchors.chat is not None:
        say = partial(_say, surfaces, anchors.chat.channel)
        plans.append(Plan(ChatNote(say), anchors.chat.every, at_policy_change=True))
    if anchors.timestamp is not None:
        plans.append(Plan(timestamps(anchors.timestamp, reach, resolve), anchors.timestamp.every))
    if anchors.object_lock is not None:
        lock = object_lock(anchors.object_lock, clock, reach, resolve)
        plans.append(Plan(lock, anchors.object_lock.every))
    if anchors.witness is not None:
        given = anchors.witness
        witness = WitnessAnchor(
            given.url, config.audit_origin, parse_vkey(given.vkey), prove_from(store), reach, resolve
        )
        plans.append(Plan(witness, given.every))
    return plans


def timestamps(settings: TimestampAnchor, reach: Reach, resolve: Resolve | None = None) -> Anchor:
    from cryptography import x509

    try:
        from adapters.anchors.timestamp import Timestamps, ask_over_http
    except ImportError as error:
        raise ConfigError(
            "audit.anchors.timestamp needs rfc3161-client; install signoff[timestamps]"
        ) from error
    try:
        roots = x509.load_pem_x509_certificates(settings.ca_file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"audit.anchors.timestamp.ca_file: {settings.ca_file} holds no readable PEM certificates"
        ) from error
    return Timestamps(ask_over_http(settings.url, reach, resolve), settings.directory, roots)


def object_lock(
    settings: ObjectLockAnchor, clock: Clock, reach: Reach, resolve: Resolve | None = None
) -> ObjectLock:
    bucket = Bucket(
        settings.endpoint,
        settings.region,
        settings.bucket,
        settings.access_key_id,
        settings.secret_access_key,
        settings.prefix,
    )
    return ObjectLock(bucket, settings.retain, clock.now, reach, resolve)


def sink_of(settings: SiemSettings, hostname: str, reach: Reach, resolve: Resolve | None = None) -> Sink:
    tls = trusting(settings.ca_file, f"audit.siem {settings.name}: ca_file")
    parts = urlsplit(settings.url)
    if parts.scheme == "tls":
        assert parts.hostname is not None
        assert parts.port is not None
        return SyslogTls(
            settings.name,
            parts.hostname,
            parts.port,
            tls,
            form=settings.format,
            hostname=hostname,
            pen=settings.enterprise_number,
            reach=reach,
            resolve=resolve,
        )
    given: Tls = tls if parts.scheme == "https" else True
    return HttpSink(
        settings.name,
        settings.url,
        settings.format,
        token=settings.token,
        tls=given,
        reach=reach,
        resolve=resolve,
    )


def trusting(ca_file: Path | None, what: str) -> ssl.SSLContext:
    """A context that believes the roots in *ca_file*, or the system's."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{what}: {ca_file} holds no readable PEM certificates") from error


def prove_from(store: SqliteStore) -> Prove:
    """Consistency proofs from the live database, read off the event loop."""

    def read(old: int, new: int) -> list[bytes]:
        with closing(connect_read_only(store)) as connection:
            return Reader(connection).consistency(old, new)

    async def prove(old: int, new: int) -> Sequence[bytes]:
        return await asyncio.to_thread(read, old, new)

    return prove


async def _say(surfaces: Mapping[str, Speaking], channel: str, page: Page) -> None:
    await surfaces[channel.partition(":")[0]].say(channel, page)
