"""``signoff doctor``: every misconfiguration that can be found, in one sentence with the remedy.

Decided here: what is looked at. A check that cannot be made is a finding of its own, never silence. Changes nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from adapters.anchors.headfile import HeadFile
from adapters.keys.files import FileKeys
from adapters.keys.files import load as load_keys
from adapters.stores.sqlite import version_warning
from audit.checkpoint import BadNote, Verifier, open_checkpoint, split_note
from audit.reader import Reader
from audit.walk import Exit as AuditExit
from bot.cli import doctor_audit, doctor_chat, doctor_database
from bot.cli._io import CONFIG, ConfigOption, Exit, JsonOption, Speaker, shown
from bot.cli.doctor_chat import Platform
from bot.config import Config, Tls, is_loopback, load
from bot.core.policy import Policy
from bot.core.policy_load import PolicyError, load_policy
from bot.errors import SignoffError
from bot.findings import Finding
from bot.listening import CannotListen, bound, check_tls
from bot.log_check import walked
from bot.log_keys import log_keys, past_keys
from bot.rand import OsRand
from masking import deep, native

FREE_BYTES_MIN: Final = 256 * 1024 * 1024
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"}
)
"""Where SQLite's locks cannot be relied on (sqlite.org/faq.html, question 5)."""


def add_to(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    part: Annotated[
        Platform | None,
        typer.Argument(help="Ask this platform over the network instead of looking at everything here."),
    ] = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Look at everything and say what is wrong. Exit code 7 when there is an error; warnings alone are 0."""
    found = examine(config) if part is None else doctor_chat.ask(part, load(config))
    worst = "error" if any(f.level == "error" for f in found) else "ok"
    marks = {"ok": "ok      ", "warning": "WARNING ", "error": "ERROR   "}
    Speaker(is_json).answer(
        {
            "ok": worst == "ok",
            "findings": [{"check": f.check, "level": f.level, "sentence": f.sentence} for f in found],
        },
        *[f"{marks[f.level]}{f.check}: {shown(f.sentence)}" for f in found],
    )
    if worst == "error":
        raise typer.Exit(Exit.FINDINGS)


def examine(path: Path) -> list[Finding]:
    """All findings, in the order in which they should be mended."""
    try:
        config = load(path)
    except SignoffError as error:
        return [Finding("config", "error", str(error))]
    found = [Finding("config", "ok", f"{path} can be read")]
    found += _modes(config)
    keys = _keys(config, found)
    policy = _policy(config, found)
    found += _server(config)
    found += _disk(config)
    found += _clock()
    found.append(_masking())
    found += _deep(config)
    found += doctor_audit.files(config, _now())
    if keys is not None and config.store.path.exists():
        found += _log(config, keys)
        found += asyncio.run(doctor_database.look(config, policy))
    elif not config.store.path.exists():
        found.append(
            Finding(
                "store",
                "error",
                f"{config.store.path} does not exist; `signoff init DIR` makes one, or correct store.path",
            )
        )
    return found


def _masking() -> Finding:
    if native.available:
        return Finding("masking", "ok", "the compiled loops are in use")
    return Finding(
        "masking", "ok", f"works without its compiled loops, at about half the speed ({native.reason})"
    )


def _deep(config: Config) -> Iterator[Finding]:
    settings = config.masking.deep
    if settings is None:
        return
    if lack := deep.lacking(settings.model):
        yield Finding(
            "deep", "warning", f"masking.deep is asked for, but {lack}; previews are masked without it"
        )
        return
    try:
        deep.Transformer(settings.model)
    except deep.DeepError as error:
        yield Finding(
            "deep", "warning", f"masking.deep is asked for, but {error}; previews are masked without it"
        )
    else:
        yield Finding(
            "deep", "ok", f"the deep tier can be loaded; it may add {settings.budget_ms} ms to an ask"
        )


def _modes(config: Config) -> Iterator[Finding]:
    private = [config.store.path.parent, config.store.path, config.keys.directory]
    if config.server.tls is not None:
        private.append(config.server.tls.key_file)
    bad = False
    for path in private:
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            bad = True
            mode = "700" if path.is_dir() else "600"
            yield Finding(
                "modes", "error", f"{path} may be read or changed by others; run chmod {mode} {path}"
            )
    if config.policy.file.exists() and config.policy.file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        bad = True
        yield Finding(
            "modes",
            "error",
            f"{config.policy.file} may be changed by others; run chmod go-w {config.policy.file}",
        )
    if not bad:
        yield Finding("modes", "ok", "database, keys and policy can be changed by their owner only")


def _keys(config: Config, found: list[Finding]) -> FileKeys | None:
    try:
        keys = load_keys(config.keys.directory, OsRand())
    except SignoffError as error:
        found.append(Finding("keys", "error", str(error)))
        return None
    found.append(Finding("keys", "ok", f"{len(keys.keks)} sealing and {len(keys.grants)} grant keys"))
    return keys


def _policy(config: Config, found: list[Finding]) -> Policy | None:
    file = config.policy.file
    try:
        policy = load_policy(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        found.append(
            Finding(
                "policy", "error", f"{file} cannot be read, so nobody may do anything; correct policy.file"
            )
        )
        return None
    except PolicyError as error:
        place = f"{file}:{error.line}" if error.line is not None else str(file)
        found.append(
            Finding("policy", "error", f"{place} cannot be used, so nobody may do anything: {error}")
        )
        return None
    if not policy.rules:
        found.append(
            Finding("policy", "warning", f"{file} has no rules, so every request is denied; add a rule")
        )
    else:
        found.append(Finding("policy", "ok", f"{len(policy.rules)} rules, every quorum can be met"))
    found += _chat_groups(config, policy)
    return policy


def _chat_groups(config: Config, policy: Policy) -> Iterator[Finding]:
    if config.teams is not None:
        from adapters.teams.probe import transport_finding

        yield transport_finding(config.teams)
    for rule in policy.rules:
        for surface in rule.requirement.surfaces:
            kind, _, channel = surface.partition(":")
            settings = {"slack": config.slack, "teams": config.teams}.get(kind)
            if kind in {"slack", "teams"} and settings is None:
                yield Finding(
                    "surfaces",
                    "error",
                    f"rule {rule.name!r} names {surface}, but there is no {kind} section; add one or remove it",
                )
            elif settings is not None and channel not in settings.channels:
                yield Finding(
                    "surfaces",
                    "error",
                    f"rule {rule.name!r} names {surface}, which is not among {kind}.channels; add it there",
                )
    for group in policy.groups.values():
        if group.slack_usergroup and config.slack is None:
            yield Finding(
                "groups",
                "error",
                f"group {group.name} comes from Slack, but there is no slack section: it counts as nobody",
            )
        if group.oidc_claim and config.console.oidc is None:
            yield Finding(
                "groups",
                "error",
                f"group {group.name} comes from OIDC claims, but console.oidc is not set: it stays empty",
            )


def _server(config: Config) -> Iterator[Finding]:
    server = config.server
    parts = urlsplit(server.url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield Finding(
            "url",
            "error",
            f"public_url {server.url} is not https; people's sessions would travel in the clear",
        )
    elif server.tls is None and parts.scheme == "https" and not server.behind_proxy:
        yield Finding(
            "url",
            "warning",
            "public_url is https, but there is neither server.tls nor behind_proxy; set the one that is true",
        )
    elif (
        parts.scheme == "http"
        and is_loopback(server.host)
        and not server.behind_proxy
        and server.port not in {0, parts.port or 80}
    ):
        yield Finding(
            "url",
            "warning",
            f"public_url is {server.url}, but the server listens on port {server.port}: links and signing in lead nowhere unless "
            "something forwards the one to the other; correct server.public_url or server.port",
        )
    else:
        yield Finding("url", "ok", f"people reach {server.url}")
    if server.behind_proxy and not server.trusted_proxies:
        yield Finding(
            "proxy",
            "warning",
            "behind_proxy is on without trusted_proxies: every caller has the proxy's address; list it",
        )
    if server.tls is not None:
        yield _tls(server.tls)
    if server.port:
        yield _port(server.host, server.port)


def _tls(tls: Tls) -> Finding:
    from cryptography import x509

    try:
        check_tls(tls.certificate_file, tls.key_file)
    except SignoffError as error:
        return Finding("tls", "error", str(error))
    left = x509.load_pem_x509_certificate(tls.certificate_file.read_bytes()).not_valid_after_utc - _now()
    if left <= timedelta(0):
        return Finding("tls", "error", f"the certificate {tls.certificate_file} has expired; renew it")
    if left < timedelta(days=14):
        return Finding(
            "tls", "warning", f"the certificate {tls.certificate_file} ends in {left.days} days; renew it"
        )
    return Finding("tls", "ok", f"the certificate ends in {left.days} days")


def _port(host: str, port: int) -> Finding:
    try:
        bound(host, port).close()
    except CannotListen as error:
        return Finding("port", "warning" if error.is_taken else "error", str(error))
    return Finding("port", "ok", f"{host}:{port} is free")


def _disk(config: Config) -> Iterator[Finding]:
    folder = config.store.path.parent
    if not folder.exists():
        yield Finding("disk", "error", f"the folder {folder} does not exist; make it (mode 700)")
        return
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_MIN:
        yield Finding(
            "disk",
            "error",
            f"only {free // 1024**2} MiB are free at {folder}; the server stops granting when it is full",
        )
    else:
        yield Finding("disk", "ok", f"{free // 1024**3} GiB free")
    kind = _file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        yield Finding(
            "file system",
            "error",
            f"{folder} is on {kind}; put the database on a local disk, SQLite's locks need one",
        )
    warning = version_warning()
    yield Finding(
        "sqlite", "ok" if warning is None else "warning", warning or f"SQLite {sqlite3.sqlite_version}"
    )
    head = config.audit.head_file
    if head is None:
        yield Finding(
            "head file",
            "warning",
            "audit.head_file is off: a database that was rolled back whole would not be noticed",
        )
    elif head.parent.exists() and head.parent.stat().st_dev == folder.stat().st_dev:
        yield Finding(
            "head file",
            "warning",
            f"{head} is on the database's own disk; put it on another, so that both cannot be rolled back at once",
        )


def _file_system(folder: Path) -> str:
    """From /proc/self/mounts; empty where there is none."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    at = str(folder.resolve())
    inside = [
        (point, kind) for point, kind in mounts if at == point or at.startswith(point.rstrip("/") + "/")
    ]
    return max(inside, key=lambda pair: len(pair[0]))[1] if inside else ""


def _clock() -> Iterator[Finding]:
    if _now() < datetime(2026, 1, 1, tzinfo=UTC):
        yield Finding(
            "clock", "error", f"the clock says {_now():%Y-%m-%d}; set it, or every deadline is wrong"
        )
    tool = shutil.which("timedatectl")
    if tool is None:
        return
    try:
        said = subprocess.run(
            [tool, "show", "-p", "NTPSynchronized", "--value"], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if said.returncode == 0 and said.stdout.strip() == b"no":
        yield Finding(
            "clock",
            "warning",
            "the clock is not synchronised; switch on NTP, deadlines and grants depend on it",
        )


def _log(config: Config, keys: FileKeys) -> Iterator[Finding]:
    verifiers = log_keys(keys, config)
    head = config.audit.head_file
    signed_by = _strangers(config, verifiers)
    if signed_by:
        yield Finding(
            "audit",
            "error",
            f"the log's newest head is signed by {signed_by}, and {config.keys.directory} holds no such audit key: these are keys of "
            "another installation, or one was put in the place of another. Put the log's own audit key back from your copy; nothing "
            "of the log can be believed without it",
        )
        return
    with closing(sqlite3.connect(f"file:{config.store.path}?mode=ro", uri=True)) as connection:
        try:
            note = asyncio.run(HeadFile(head).recall()) if head is not None else None
            known = past_keys(keys, config, connection)
            external = (open_checkpoint(note, known, config.audit_origin),) if note is not None else ()
        except (BadNote, SignoffError) as error:
            yield Finding(
                "audit",
                "error",
                f"the head file {head} cannot be believed ({error}); find out who changed it",
            )
            external = ()
        report = walked(connection, verifiers, external)
    if report.exit is AuditExit.OK:
        yield Finding("audit", "ok", f"{report.size} entries, the log is whole")
    for finding in report.findings[:5]:
        yield Finding(
            "audit", "error", f"{finding.text}; keep everything as it is and run `signoff audit verify`"
        )


def _strangers(config: Config, verifiers: Sequence[Verifier]) -> str:
    """The keys that signed the newest head, when none of them is ours; empty when one is, or nothing was signed yet."""
    try:
        with closing(sqlite3.connect(f"file:{config.store.path}?mode=ro", uri=True)) as connection:
            signatures = split_note(Reader(connection).latest_note()[1])[1]
    except (sqlite3.Error, LookupError, BadNote):
        return ""
    ours = {(verifier.name, verifier.key_id) for verifier in verifiers}
    if any((one.name, one.key_id) in ours for one in signatures):
        return ""
    return ", ".join(f"{one.name}+{one.key_id.hex()}" for one in signatures)


def _now() -> datetime:
    from bot.clock import SystemClock

    return SystemClock().now()
