import asyncio
import shutil
import sqlite3
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.anchors.chatnote import ChatNote
from adapters.anchors.headfile import HeadFile
from adapters.anchors.timestamp import TimestampFault, Timestamps, ask_over_http
from adapters.anchors.witness import WitnessAnchor, WitnessFault, WitnessStore, app
from audit.checkpoint import (
    COSIGNATURE_V1,
    Checkpoint,
    cosigned_text,
    open_note,
    parse_vkey,
    sign_note,
    split_note,
    vkey_text,
)
from audit.export import export_bundle
from audit.gate import examine, restored
from audit.reader import Reader
from audit.standalone import stamped_at, verify
from audit.witness import Cosigner, Seen, answer, head_of, request_body
from bot.chat.page import Page
from bot.outgoing import Reach
from tests.audit.interop.judges import howto, shell
from tests.audit.logs import (
    ORIGIN,
    POLICIES,
    T0,
    at,
    database,
    filled,
    human,
    journal,
    signer,
    story,
    verifier,
    write,
)

LOCAL = Reach(frozenset({"127.0.0.1"}))


def proves(connection: sqlite3.Connection):
    async def prove(old: int, new: int) -> list[bytes]:
        return Reader(connection).consistency(old, new)

    return prove


def gate(connection, **kept):
    return examine(connection, kept, [verifier()], ORIGIN)


def copy(connection) -> sqlite3.Connection:
    other = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(other)
    return other


def more(connection, request: str, approvers=("p_ana", "p_bo")) -> str:
    size = Reader(connection).head().size
    write(connection, list(story(request, size * 10, approvers, first_seq=size)), journal(request.encode()))
    return Reader(connection).latest_note()[1]


# --- the gate


def test_a_database_that_holds_every_kept_head_may_start():
    connection = filled()
    old = Reader(connection).note_at(8)

    assert gate(connection, file=Reader(connection).latest_note()[1], chat=old, tsa=None) == []
    assert gate(database(), file=None) == []


def test_a_restored_backup_may_not_start():
    connection = filled()
    backup = copy(connection)
    kept = more(connection, "r-9")

    refusals = gate(backup, file=kept)

    assert [r.anchor for r in refusals] == ["file"]
    assert "older" in refusals[0].text


def test_a_rewritten_history_may_not_start():
    connection = filled()
    fork = copy(connection)
    kept = more(connection, "r-9")
    more(fork, "r-9", ("p_ana", "p_eve"))
    more(fork, "r-10")

    assert "rewritten" in gate(fork, file=kept)[0].text


def test_a_kept_head_by_another_key_refuses_instead_of_being_ignored():
    connection = filled()
    forged = sign_note(Checkpoint(ORIGIN, 1, bytes(32)).text, [signer(b"thief")])

    assert "cannot be believed" in gate(connection, file=forged)[0].text


def test_an_administrator_may_go_on_from_an_older_database_by_writing_it_down():
    connection = filled()
    backup = copy(connection)
    kept = more(connection, "r-9")
    other_kept = more(connection, "r-10")
    refusal = gate(backup, file=kept)[0]

    write(
        backup,
        [restored("restore-1", human("p_root"), at(9000), Reader(backup), refusal.remembered, "file")],
        journal(b"r"),
    )

    assert gate(backup, file=kept) == []
    assert len(gate(backup, file=other_kept)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit_leaf SET leaf = CAST(replace(CAST(leaf AS TEXT), 'p_bo', 'p_xy') AS BLOB) WHERE seq = 19",
        "DELETE FROM audit_leaf WHERE seq = 23",
        "UPDATE audit_head SET size = 16",
        "DELETE FROM audit_checkpoint WHERE size = 24",
        "DELETE FROM audit_head",
    ],
)
def test_a_damaged_right_edge_may_not_start(damage):
    connection = filled()
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(damage)

    assert [r.anchor for r in gate(connection, file=None)] == ["database"]


def test_the_gates_work_does_not_grow_with_the_log():
    connection = filled(requests=150)
    statements = []
    connection.set_trace_callback(statements.append)

    gate(connection, file=Reader(connection).note_at(800))

    assert len(statements) < 120


# --- the head file


def test_the_head_file_remembers_the_largest_head_and_can_be_asked(tmp_path: Path):
    connection = filled()
    anchor = HeadFile(tmp_path / "deep" / "head")
    notes = dict(Reader(connection).notes())

    assert asyncio.run(anchor.recall()) is None
    for size in (8, 24, 16, 24):
        asyncio.run(anchor.remember(notes[size]))

    assert asyncio.run(anchor.recall()) == notes[24]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["head"]
    anchor.replace(notes[8])
    assert anchor.recall_now() == notes[8]


def test_a_head_file_that_cannot_be_written_raises(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        HeadFile(tmp_path / "file" / "head").remember_now(Reader(filled()).latest_note()[1])


# --- the channel


async def test_the_channel_gets_the_whole_note_and_a_failed_post_is_a_fault():
    said: list[Page] = []
    fail = [True]

    async def say(page: Page) -> None:
        if fail[0]:
            raise OSError("chat is down")
        said.append(page)

    anchor = ChatNote(say)
    note = Reader(filled()).latest_note()[1]
    with pytest.raises(OSError, match="down"):
        await anchor.remember(note)
    fail[0] = False
    await anchor.remember(note)

    (block,) = said[0].sections[0].leaves
    assert block.is_block
    assert block.text + "\n" == note
    assert await anchor.recall() is None


# --- the time-stamping authority: OpenSSL's, behind a real socket


@pytest.fixture
def authority(tmp_path: Path):
    """A directory with a CA and a TSA certificate, and a function that answers queries."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def openssl(*arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True, input=data
        ).stdout

    (tmp_path / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4\ndigests=sha256\ness_cert_id_alg=sha256\n"
        "[req]\ndistinguished_name=dn\n[dn]\n[ext]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
    )
    (tmp_path / "serial").write_text("01")
    new_key = ("-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf")
    ca = ("-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test CA", "-extensions", "ca")
    openssl("req", "-x509", *new_key, *ca)
    openssl("req", *new_key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA")
    openssl(
        "x509",
        "-req",
        "-in",
        "tsa.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "tsa.pem",
        "-days",
        "30",
        "-extfile",
        "tsa.cnf",
        "-extensions",
        "ext",
    )

    def reply(query: bytes) -> bytes:
        (tmp_path / "q").write_bytes(query)
        openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "q", "-out", "a")
        return (tmp_path / "a").read_bytes()

    return tmp_path, reply


async def serve(handler, path: str = "/"):
    application = web.Application()
    application.router.add_post(path, handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}{path}"


LONG = 10 * 365 * 86_400


async def test_a_timestamp_is_verified_kept_once_and_checked_in_the_bundle(authority, tmp_path):
    directory, reply = authority
    queries = []

    async def handler(request: web.Request) -> web.Response:
        queries.append(await request.read())
        return web.Response(body=reply(queries[-1]), content_type="application/timestamp-reply")

    runner, url = await serve(handler)
    connection = filled(start=-LONG)
    note = Reader(connection).latest_note()[1]
    root = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    anchor = Timestamps(ask_over_http(url, LOCAL), tmp_path / "tsr", [root])
    assert await anchor.recall() is None
    await anchor.remember(note)
    await anchor.remember(note)
    assert await anchor.recall() == note
    await runner.cleanup()

    assert len(queries) == 1
    files = {**anchor.files(), "ca.pem": (directory / "ca.pem").read_bytes()}
    export_bundle(
        Reader(connection), tmp_path / "bundle", [verifier().vkey], timestamps=files, policies=POLICIES
    )
    assert verify(tmp_path / "bundle", [verifier().vkey], [], 24).findings == []
    commands = howto(tmp_path / "bundle", 6).replace("SIZE", "24")
    assert commands.count("openssl ts") == 2
    assert shell(commands, tmp_path / "bundle")
    assert not shell(commands.replace("checkpoints/24", "checkpoints/16"), tmp_path / "bundle")
    stamped = tmp_path / "bundle" / "tsr" / "24.tsr"
    stamped.rename(stamped.with_name("16.tsr"))
    assert any(
        "timestamp" in text for _, _, text in verify(tmp_path / "bundle", [verifier().vkey], [], 24).findings
    )


async def test_an_entry_that_says_it_was_written_after_its_head_was_stamped_is_found(authority, tmp_path):
    directory, reply = authority
    root = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    for start, found in ((-LONG, []), (LONG, ["10 time never goes back, nor past a stamp"])):
        connection, place = filled(start=start), tmp_path / str(start)

        async def ask(query: bytes) -> bytes:
            return reply(query)

        anchor = Timestamps(ask, place / "tsr", [root])
        await anchor.remember(Reader(connection).latest_note()[1])
        files = {**anchor.files(), "ca.pem": (directory / "ca.pem").read_bytes()}
        export_bundle(Reader(connection), place / "b", [verifier().vkey], timestamps=files, policies=POLICIES)

        result = verify(place / "b", [verifier().vkey], [], 24)

        assert [name for name, _, _ in result.findings] == found


def test_a_cosignature_from_before_an_entry_was_written_is_found(tmp_path):
    connection, key = filled(requests=1), Ed25519PrivateKey.from_private_bytes(bytes(32))
    witness = vkey_text("witness.example/one", COSIGNATURE_V1, key.public_key().public_bytes_raw())
    note = Reader(connection).latest_note()[1]
    written = int(at(8).timestamp())
    for moment, found in ((written, []), (written - 301, ["10 time never goes back, nor past a stamp"])):
        place = tmp_path / str(moment)
        export_bundle(Reader(connection), place, [verifier().vkey], policies=POLICIES)
        raw = key.sign(cosigned_text(split_note(note)[0].encode(), moment))
        name, id_, _ = witness.split("+", 2)
        line = f"— {name} {b64encode(bytes.fromhex(id_) + moment.to_bytes(8, 'big') + raw).decode()}\n"
        (tmp_path / "seen").write_text(note + line)

        result = verify(place, [verifier().vkey, witness], [tmp_path / "seen"], 8)

        assert [name for name, _, _ in result.findings] == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("x\nTime stamp: Nov 24 11:03:41 2026 GMT\n", 1795518221),
        ("Time stamp: Jan  2 00:00:00.125 2026 GMT", 1767312000),
        ("Time stamp: unspecified", None),
        ("Time stamp: Foo  2 00:00:00 2026 GMT", None),
    ],
)
def test_the_time_that_openssl_prints_is_read(text, seconds):
    assert stamped_at(text) == seconds


async def test_an_answer_about_another_head_is_not_kept(authority, tmp_path):
    directory, reply = authority
    notes = dict(Reader(filled()).notes())
    root = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    recorded: list[bytes] = []

    async def replay(query: bytes) -> bytes:
        recorded.append(reply(query))
        return recorded[0]

    anchor = Timestamps(replay, tmp_path / "tsr", [root])
    await anchor.remember(notes[8])
    with pytest.raises(TimestampFault):
        await anchor.remember(notes[16])

    assert sorted(anchor.files()) == ["8.tsr"]


async def test_an_authority_that_fails_is_a_fault(tmp_path):
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503)

    runner, url = await serve(handler)
    note = Reader(filled()).latest_note()[1]
    with pytest.raises(TimestampFault, match="503"):
        await Timestamps(ask_over_http(url, LOCAL), tmp_path, []).remember(note)
    with pytest.raises(TimestampFault, match="not called"):
        await Timestamps(ask_over_http(url), tmp_path, []).remember(note)
    await runner.cleanup()
    with pytest.raises(TimestampFault, match="reached"):
        await Timestamps(ask_over_http(url, LOCAL), tmp_path, []).remember(note)


# --- the witness

COSIGNER = Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))


def ask(body: str, seen: Seen):
    return answer(body, {ORIGIN: verifier()}.get, lambda _: seen, COSIGNER, T0)


def test_the_witness_signs_what_continues_and_nothing_else():
    reader = Reader(filled())
    notes = dict(reader.notes())
    seen8, seen24 = (Seen(n, reader.root_at(n)) for n in (8, 24))
    proof = reader.consistency(8, 24)

    first = ask(request_body(0, [], notes[8]), Seen(0, b""))
    assert (first.status, first.seen) == (200, seen8)
    assert (ask(request_body(8, proof, notes[24]), seen8)).seen == seen24
    assert ask(request_body(24, [], notes[24]), seen24).status == 200

    assert ask(request_body(8, proof[1:], notes[24]), seen8).status == 422
    assert ask(request_body(0, [], notes[24]), seen8).body == "8\n"
    assert ask(request_body(16, [], notes[8]), seen8).status == 400
    assert ask(request_body(24, [], notes[24]), Seen(24, bytes(32))).status == 409
    assert (
        ask(request_body(0, [], sign_note(head_of(notes[8]).text, [signer(b"thief")])), Seen(0, b"")).status
        == 403
    )
    other = sign_note(Checkpoint("other.example/log", 1, bytes(32)).text, [signer(name="other.example/log")])
    assert ask(request_body(0, [], other), Seen(0, b"")).status == 404
    for bad in (
        "",
        "old x\n\n" + notes[8],
        "old 01\n\n" + notes[8],
        "old 0\n!\n\n" + notes[8],
        "old 0\n\nnonsense",
        "x" * 70_000,
    ):
        assert ask(bad, Seen(0, b"")).status == 400


def test_two_writers_cannot_move_the_witness_onto_two_histories(tmp_path):
    store = WitnessStore(tmp_path / "w.db")
    zero = store.seen(ORIGIN)

    assert store.advance(ORIGIN, zero, Seen(8, b"a" * 32), "note")
    assert not store.advance(ORIGIN, zero, Seen(9, b"b" * 32), "fork")
    assert store.seen(ORIGIN) == Seen(8, b"a" * 32)
    store.close()


async def test_our_log_is_cosigned_and_a_rolled_back_one_is_refused(tmp_path):
    import uvicorn

    store = WitnessStore(tmp_path / "w.db")
    config = uvicorn.Config(
        app(store, [verifier()], COSIGNER, lambda: T0),
        host="127.0.0.1",
        port=0,
        log_config=None,
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    connection = filled()
    reader = Reader(connection)
    notes = dict(reader.notes())
    witness = parse_vkey(COSIGNER.vkey)

    anchor = WitnessAnchor(url, ORIGIN, witness, proves(connection), LOCAL)
    assert await anchor.recall() is None
    await anchor.remember(notes[8])
    line = await anchor.remember(notes[24])
    assert await anchor.remember(notes[16]) is None
    assert await anchor.recall() == notes[24]
    assert line is not None
    _, by = open_note(notes[24] + line, [verifier(), witness])
    assert len(by) == 2

    restarted = WitnessAnchor(url, ORIGIN, witness, proves(connection), LOCAL)
    newest = more(connection, "r-7")
    await restarted.remember(newest)

    backup = filled()
    with pytest.raises(WitnessFault, match="rolled back"):
        await WitnessAnchor(url, ORIGIN, witness, proves(backup), LOCAL).remember(notes[24])
    fork = filled()
    more(fork, "r-7", ("p_ana", "p_eve"))
    forked = more(fork, "r-8")
    with pytest.raises(WitnessFault, match="422"):
        await WitnessAnchor(url, ORIGIN, witness, proves(fork), LOCAL).remember(forked)
    assert examine(backup, {"witness": await restarted.recall()}, [verifier()], ORIGIN) != []

    with pytest.raises(WitnessFault, match="not called"):
        await WitnessAnchor(url, ORIGIN, witness, proves(connection)).remember(newest)
    other = parse_vkey(Cosigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32)).vkey)
    with pytest.raises(WitnessFault, match="signature"):
        await WitnessAnchor(url, ORIGIN, other, proves(connection), LOCAL).remember(newest)

    server.should_exit = True
    await task
    store.close()
