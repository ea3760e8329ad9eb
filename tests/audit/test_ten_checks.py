"""Each of the verifier's ten checks (AUDIT 2.8) is needed: there is a bundle that it alone refuses, and that passes when it is taken away.

The bundles are made by somebody who can write every file and, where it takes that, holds the log's key: sums are made anew each time,
so that nothing is found by accident.
"""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import audit.entry
import audit.journal
from audit import standalone
from audit.checkpoint import COSIGNATURE_V1, Checkpoint, cosigned_text, sign_note, split_note, vkey_text
from audit.entry import Draft, EntryType
from audit.erasure import disclose_entry
from audit.export import export_bundle
from audit.reader import Reader
from tests.audit.logs import KEK, ORIGIN, POLICIES, at, database, filled, journal, signer, story, write

VKEY = signer().vkey
CHECKS = range(1, 11)
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(32))
WITNESS_VKEY = vkey_text("witness.example/one", COSIGNATURE_V1, WITNESS.public_key().public_bytes_raw())


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("good") / "b"
    connection = filled(requests=36)
    opened = [o for seq in (0, 8) for o in disclose_entry(connection, seq, None, KEK, ORIGIN)]
    export_bundle(Reader(connection), directory, [VKEY], disclosures=opened, policies=POLICIES)
    return directory


def resum(bundle: Path) -> None:
    """``SHA256SUMS`` over what is there now."""
    named = [line.split("  ", 1)[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()]
    there = {
        *named,
        *(str(p.relative_to(bundle)) for p in bundle.rglob("*") if p.is_file() and p.name != "SHA256SUMS"),
    }
    lines = [
        f"{sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(there)
        if (bundle / name).is_file()
    ]
    (bundle / "SHA256SUMS").write_text("".join(lines))


def signature(bundle: Path) -> None:
    """A stored head under our name whose signature is somebody's guess."""
    path = bundle / "checkpoints" / "96"
    text, *_ = split_note(path.read_text())
    forged = sign_note(text, [signer(b"somebody")]).rpartition("— ")[2].split(" ")[1]
    head = path.read_text()
    raw = head.rpartition(" ")[2].strip()
    path.write_text(head.replace(raw, raw[:6] + forged.strip()[6:]))


def tile(bundle: Path) -> None:
    path = bundle / "tile" / "0" / "000"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data))


def cut(bundle: Path) -> None:
    """A whole, honest, shorter log: what a rollback leaves behind."""
    shutil.rmtree(bundle)
    export_bundle(Reader(filled(requests=30)), bundle, [VKEY], policies=POLICIES)


def timestamp(bundle: Path) -> None:
    (bundle / "tsr").mkdir(exist_ok=True)
    (bundle / "tsr" / "288.tsr").write_bytes(b"no token")
    (bundle / "tsr" / "ca.pem").write_text("")


def _log(bundle: Path, drafts: list[Draft]) -> None:
    connection = database()
    write(connection, drafts, journal())
    shutil.rmtree(bundle)
    export_bundle(Reader(connection), bundle, [VKEY], policies=POLICIES)


def canonical(bundle: Path) -> None:
    """One entry with its members in another spelling, hashed and signed as it is."""
    honest = audit.journal.seal

    def spaced(*args: object, **kw: object):
        sealed = honest(*args, **kw)  # type: ignore[arg-type]
        if sealed.seq != 3:
            return sealed
        leaf = sealed.leaf.replace(b'":', b'": ', 1)
        return sealed._replace(leaf=leaf, leaf_hash=sha256(b"\0" + leaf).digest())

    audit.journal.seal = spaced  # type: ignore[assignment]
    try:
        _log(bundle, list(story()))
    finally:
        audit.journal.seal = honest  # type: ignore[assignment]


def copy(bundle: Path) -> None:
    data = (bundle / "leaves.jsonl").read_bytes()
    (bundle / "leaves.jsonl").write_bytes(data.replace(b"p_ana", b"p_eve", 1))


def disclosure(bundle: Path) -> None:
    path = bundle / "disclosures.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["disclosure"] = standalone.b64u(b'["AAAAAAAAAAAAAAAAAAAAAA","payload","forged"]')
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))


def semantics(bundle: Path) -> None:
    """A signed log in which one vote filled two seats."""
    drafts = [
        replace(d, data={**d.data, "votes": [2]}) if d.type is EntryType.DECISION_APPROVED else d
        for d in story()
    ]
    _log(bundle, drafts)


def window(bundle: Path) -> None:
    """A head by our key beyond the entries that the key was for. The verifier is told so by its caller."""


def time(bundle: Path) -> None:
    """A witness saw the head five minutes before its last entry says that it was written. The witness's line comes from outside."""
    moment = int(at(36 * 60 - 52).timestamp()) - 301
    note = (bundle / "checkpoint").read_text()
    raw = WITNESS.sign(cosigned_text(split_note(note)[0].encode(), moment))
    name, id_, _ = WITNESS_VKEY.split("+", 2)
    line = f"— {name} {b64encode(bytes.fromhex(id_) + moment.to_bytes(8, 'big') + raw).decode()}\n"
    (bundle.parent / "seen").write_text(note + line)


CASES: dict[int, Callable[[Path], None]] = {
    1: signature, 2: tile, 3: cut, 4: timestamp, 5: canonical, 6: copy, 7: disclosure, 8: semantics, 9: window, 10: time,
}  # fmt: skip


def made(good: Path, tmp_path: Path, check: int) -> standalone.Result:
    bundle = tmp_path / "b"
    shutil.copytree(good, bundle)
    CASES[check](bundle)
    resum(bundle)
    vkey = f"{VKEY} 0..100" if check == 9 else VKEY
    outside = {3: [good / "checkpoint"], 10: [tmp_path / "seen"]}.get(check, [])
    return standalone.verify(bundle, [vkey, *([WITNESS_VKEY] if check == 10 else [])], outside, None)


def failing(result: standalone.Result) -> set[int]:
    return {int(name.split()[0]) for name, state in result.state.items() if state != "ok"}


def test_the_ground_passes(good: Path):
    assert standalone.verify(good, [VKEY], [good / "checkpoint"], 288).exit == standalone.OK


@pytest.mark.parametrize("check", CHECKS)
def test_a_bundle_that_one_check_alone_refuses(good: Path, tmp_path: Path, check: int):
    if check == 4 and shutil.which("openssl") is None:
        pytest.skip("time-stamps are checked by openssl, which is not here")

    result = made(good, tmp_path, check)

    assert failing(result) == {check}, result.findings
    assert result.exit == standalone.TAMPERED


@pytest.mark.parametrize("check", CHECKS)
def test_without_that_check_the_bundle_would_pass(
    good: Path, tmp_path: Path, check: int, monkeypatch: pytest.MonkeyPatch
):
    """The check is taken away, and what it alone refuses is accepted: none of the ten is there for show."""
    honest = standalone.Result.add

    def without(self: standalone.Result, number: int, text: str, code: int = standalone.TAMPERED) -> None:
        if number != check:
            honest(self, number, text, code)

    monkeypatch.setattr(standalone.Result, "add", without)

    assert made(good, tmp_path, check).exit == standalone.OK


def test_a_head_that_somebody_made_up_is_not_a_head(good: Path, tmp_path: Path):
    bundle = tmp_path / "b"
    shutil.copytree(good, bundle)
    (bundle / "checkpoint").write_text(
        sign_note(Checkpoint(ORIGIN, 288, bytes(32)).text, [signer(b"somebody")])
    )
    resum(bundle)

    assert standalone.verify(bundle, [VKEY], [], 288).exit != standalone.OK
