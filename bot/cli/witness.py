"""``signoff witness``: a small C2SP tlog-witness for another host and another hand (c2sp.org/tlog-witness).

Decided here: what its folder holds (a key, the logs it knows, what it has seen of each) and that it listens on the loopback address
unless it has TLS or stands behind a proxy. It needs no configuration of Signoff and no key of the log: whoever runs it should not
be whoever runs the log. What it signs and refuses is ``audit.witness``'s.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.anchors.witness import WitnessStore
from adapters.anchors.witness import app as witness_app
from audit.checkpoint import ED25519, BadNote, Verifier, parse_checkpoint, parse_vkey, split_note
from audit.witness import Cosigner
from bot import telemetry
from bot.cli._io import CommandError, JsonOption, Speaker, shown
from bot.cli._serving import check_reach, serve_app
from bot.clock import SystemClock
from bot.rand import OsRand

KEY: Final = "witness.key"
LOGS: Final = "logs.txt"
SEEN: Final = "seen.sqlite3"
LOGS_MAX: Final = 1_000

family = typer.Typer(
    name="witness", help="Cosign the heads of other people's logs, on another host.", no_args_is_help=True
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder.")]


@family.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    name: Annotated[
        str, typer.Option(help="The witness's name in its signatures, such as witness.example/one.")
    ],
    is_json: JsonOption = False,
) -> None:
    """Make a key in DIR and print its public half, which goes into `audit.anchors.witness.vkey` of each log."""
    if any((folder / file).exists() for file in (KEY, LOGS, SEEN)):
        raise CommandError(
            f"{folder} holds a witness already, and init never overwrites; choose another folder"
        )
    cosigner = Cosigner(name, Ed25519PrivateKey.from_private_bytes(OsRand().bytes(32)))
    try:
        vkey = parse_vkey(cosigner.vkey).vkey
    except BadNote:
        raise CommandError("a witness's name has no spaces and no plus sign") from None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = f"{name}\n{b64encode(cosigner.key.private_bytes_raw()).decode()}\n"
        with (folder / KEY).open("x", encoding="utf-8") as file:
            (folder / KEY).chmod(0o600)
            file.write(text)
        (folder / LOGS).write_text("# One public key of a log a line; `signoff witness add`.\n", "utf-8")
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror}") from None
    Speaker(is_json).answer(
        {"vkey": vkey},
        f"The witness {shown(name)} is set up in {folder}. Its public key:",
        "",
        f"  {vkey}",
        "",
        "Next: signoff witness add DIR LOG_VKEY   (the log's operator runs `signoff audit head`)",
        "      signoff witness serve DIR",
    )


@family.command("add")
def add(
    folder: Folder,
    vkey: Annotated[str, typer.Argument(metavar="VKEY", help="The log's public key.")],
    is_json: JsonOption = False,
) -> None:
    """Let the witness know a log. Restart it afterwards."""
    _cosigner(folder)
    try:
        verifier = parse_vkey(vkey)
    except BadNote as error:
        raise CommandError(f"this is no verifier key: {error}") from None
    if verifier.algorithm != ED25519:
        raise CommandError("this is a witness's key, not a log's")
    known = _logs(folder)
    if any(log.name == verifier.name for log in known):
        raise CommandError(f"{shown(verifier.name)} is known already; edit {folder / LOGS} to change its key")
    with (folder / LOGS).open("a", encoding="utf-8") as file:
        file.write(verifier.vkey + "\n")
    Speaker(is_json).answer({"log": verifier.name}, f"{shown(verifier.name)} is known; restart the witness.")


@family.command("list")
def list_(folder: Folder, is_json: JsonOption = False) -> None:
    """The logs it knows and the newest head it signed of each. Keep this output: it is what the witness remembers."""
    _cosigner(folder)
    rows = []
    with closing(WitnessStore(folder / SEEN)) as store:
        for log in _logs(folder):
            note = store.note(log.name)
            head = parse_checkpoint(split_note(note)[0]) if note is not None else None
            rows.append((log.name, head.size if head else 0, head.root.hex() if head else ""))
    speaker = Speaker(is_json)
    speaker.answer(
        [{"log": name, "size": size, "root": root} for name, size, root in rows],
        speaker.table(("log", "entries", "root"), rows),
    )


@family.command("reset")
def reset(
    folder: Folder,
    origin: Annotated[str, typer.Argument(help="The log's name.")],
    is_yes: Annotated[bool, typer.Option("--yes", help="Yes, forget it.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Forget what was seen of a log, so that it may go on from an older database. Only when its operator can show the entry
    `log.restored` that says why; the forgotten head is printed: keep it."""
    _cosigner(folder)
    with closing(WitnessStore(folder / SEEN)) as store:
        note = store.note(origin)
        if note is None:
            raise CommandError("the witness has seen nothing of that log")
        if not is_yes:
            raise CommandError("a witness that forgets lets a rollback through; say --yes if that is meant")
        store.forget(origin)
    Speaker(is_json).answer({"forgotten": note}, "Forgotten; keep this head:", "", note)


@family.command("serve")
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 lets the system choose.")] = 8090,
    certificate: Annotated[Path | None, typer.Option(help="PEM file for TLS of its own.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file with the certificate's key.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front terminates TLS.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Answer `/add-checkpoint` and `/head` until told to stop. The address goes to stdout once it listens."""
    check_reach(host, certificate, key, behind_proxy=behind_proxy)
    cosigner, logs = _cosigner(folder), _logs(folder)
    if not logs:
        raise CommandError(f"the witness knows no log; run `signoff witness add {folder} VKEY`")
    telemetry.configure("info", "json")
    with closing(WitnessStore(folder / SEEN)) as store:
        served = witness_app(store, logs, cosigner, SystemClock().now)
        serve_app(served, host, port, certificate, key, name="The witness", is_json=is_json)


def _cosigner(folder: Path) -> Cosigner:
    path = folder / KEY
    try:
        if path.stat().st_mode & 0o077:
            raise CommandError(f"{path} may be read by others; run chmod 600 {path}")
        name, raw = path.read_text("utf-8").split()
        return Cosigner(name, Ed25519PrivateKey.from_private_bytes(b64decode(raw, validate=True)))
    except (OSError, ValueError):
        raise CommandError(f"{folder} holds no witness; run `signoff witness init DIR --name NAME`") from None


def _logs(folder: Path) -> list[Verifier]:
    try:
        lines = (folder / LOGS).read_text("utf-8").splitlines()
        found = [parse_vkey(line) for line in lines if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, BadNote) as error:
        raise CommandError(f"{folder / LOGS} cannot be used: {error}") from None
    if len(found) > LOGS_MAX:
        raise CommandError(f"{folder / LOGS} holds more than {LOGS_MAX} logs")
    return found
