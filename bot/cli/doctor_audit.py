"""The half of ``signoff doctor`` that looks at the log's outside: one sentence for every anchor, SIEM and alarm channel.

Decided here: what is said of each. Nothing is sent anywhere: whether the other side answers is what the running server's alarms and
metrics tell; here it is what the settings, the files beside them and the database say.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from audit.checkpoint import has_mldsa
from bot.anchoring import Plan, standing
from bot.audit_wiring import HEAD_FILE_EVERY, trusting
from bot.errors import ConfigError
from bot.findings import Finding, Level

if TYPE_CHECKING:
    from bot.app import Bot
    from bot.config import Config

CERTIFICATE_LEFT: Final = timedelta(days=14)
BEHIND_MANY: Final = 10_000


def files(config: Config, now: datetime) -> Iterator[Finding]:
    """What can be said without the database."""
    settings, anchors = config.audit, config.audit.anchors
    others = [
        name
        for name, section in (
            ("chat", anchors.chat),
            ("timestamp", anchors.timestamp),
            ("object_lock", anchors.object_lock),
            ("witness", anchors.witness),
        )
        if section is not None
    ]
    if not others:
        yield Finding(
            "anchors",
            "warning",
            "the log's head is remembered by the head file alone, or by nothing; add one of audit.anchors (chat, timestamp, "
            "object_lock, witness), so that somebody else remembers it too",
        )
    if settings.second_signature is not None and not has_mldsa():
        yield Finding(
            "second signature",
            "warning",
            "the cryptography that is installed has no ML-DSA, so heads get no second signature; install its wheel (48 or newer), "
            "or set audit.second_signature to null",
        )
    if anchors.timestamp is not None:
        yield from _roots("anchor rfc3161", anchors.timestamp.ca_file, now)
        try:
            import rfc3161_client  # noqa: F401 - only whether it is there
        except ImportError:
            yield Finding(
                "anchor rfc3161",
                "error",
                "audit.anchors.timestamp is set and rfc3161-client is missing; install signoff[timestamps]",
            )
    for sink in settings.siem:
        if sink.ca_file is not None:
            yield from _roots(f"siem {sink.name}", sink.ca_file, now)
        if sink.url.startswith("http://"):
            yield Finding(
                f"siem {sink.name}",
                "warning",
                f"{sink.name} is sent entries in the clear, over loopback; use https",
            )
        elif sink.url.startswith("tls://"):
            yield Finding(
                f"siem {sink.name}",
                "ok",
                f"{sink.name} gets {sink.format} over TLS; syslog has no receipt, so compare its highest seq with `signoff audit head` "
                "now and then, or use an https:// address",
            )
    if settings.alerts.channel is None:
        yield Finding(
            "alarms",
            "warning",
            "new alarms of the audit log are told in the console, the log and /metrics only; set audit.alerts.channel to have them in chat",
        )


def _roots(check: str, file: Path, now: datetime) -> Iterator[Finding]:
    from cryptography import x509

    try:
        trusting(file, check)
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (ConfigError, OSError, ValueError):
        yield Finding(check, "error", f"{file} holds no readable PEM certificates; correct its ca_file")
        return
    ends = min(certificate.not_valid_after_utc for certificate in found)
    if ends - now < CERTIFICATE_LEFT:
        yield Finding(
            check, "warning", f"a root in {file} ends on {ends:%Y-%m-%d}; put its successor beside it"
        )


async def database(bot: Bot) -> list[Finding]:
    """How far each anchor and SIEM has come, by what the database remembers."""
    config, store = bot.config, bot.store
    grace = config.audit.alerts.lag_after

    size, found, sinks = await store.read(
        lambda tx: (
            tx.audit_head()[0],
            standing(tx, bot.audit.plans),
            {sink.name: _left(tx.audit_head()[0], tx.outbound(sink.name)) for sink in config.audit.siem},
        )
    )
    wanted = config.audit.second_signature is not None and has_mldsa()
    if wanted and not bot.keys.mldsa:
        sentence = "the key folder has no mldsa key, so heads get no second signature; run `signoff keys rotate mldsa`, or set audit.second_signature to null"
        said = [Finding("second signature", "warning", sentence)]
    else:
        said = []
    said += [
        _anchor(one.plan, one.kept.size, one.behind, one.age, size, lags=one.lags(grace)) for one in found
    ]
    for name, left in sinks.items():
        level: Level = "warning" if left > BEHIND_MANY else "ok"
        hint = (
            "; is the server running and the SIEM reachable? Look at /metrics" if level == "warning" else ""
        )
        said.append(
            Finding(f"siem {name}", level, f"{name} has taken all but {left} of {size} entries{hint}")
        )
    return said


def _left(size: int, cursor: int) -> int:
    return max(0, size - cursor)


def _anchor(plan: Plan, kept: int, behind: int, age: timedelta, size: int, *, lags: bool) -> Finding:
    name = plan.anchor.name
    if not plan.outside:
        words = "lags; is the server running?" if lags else f"signed every {plan.every}"
        sentence = f"heads are signed again by ML-DSA-44 up to {kept} of {size} entries; {words}"
        return Finding("second signature", "warning" if lags else "ok", sentence)
    if lags:
        return Finding(
            f"anchor {name}",
            "warning",
            f"{name} remembers {kept} of {size} entries, and has not been told for {int(age.total_seconds() // 60)} minutes; is the "
            f"server running and {name} reachable? Its log names the fault",
        )
    pace = int((max(HEAD_FILE_EVERY, plan.every)).total_seconds() // 60)
    return Finding(
        f"anchor {name}",
        "ok",
        f"{name} remembers all but {behind} of {size} entries; it is asked every {pace} minutes",
    )
