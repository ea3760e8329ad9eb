"""Everybody else's verdict on our export: Go, OpenSSL, sha256sum, tlog-scales, sigstore, ocsf-json-schema.

    python -m tests.audit.interop.judges [--venv DIR] [--node DIR] [--mutations N]

Each judge must accept the good bundle and reject what it can see of ``MUTATIONS``, the table of AUDIT.md; what it cannot see is named, with
the reason, and Go, which sees all of them, is asked about each. A judge that is
not installed is named and counted as skipped; the exit code is 2 when any was. --venv holds PyPI's
``tlog-scales`` and ``ocsf-json-schema``, --node a node_modules with ``@sigstore/verify``.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from audit.checkpoint import parse_checkpoint, sign_note, split_note
from audit.export import export_bundle
from audit.formats import FORMATS, entry_of
from audit.ledger_sqlite import keep_cosignature
from audit.proof import Proof
from audit.proof import parse as parse_proof
from audit.reader import Reader
from audit.tiles import bundle as pack
from tests.audit.every import every_type
from tests.audit.interop import campaign
from tests.audit.logs import POLICIES, at, database, filled, second_signer, signer, write

HERE = Path(__file__).parent
OCSF = """
import json, sys, jsonschema, ocsf_json_schema as o
embedded = o.OcsfJsonSchemaEmbedded(o.get_ocsf_schema(version="1.8.0"))
for line in open(sys.argv[1]):
    event = json.loads(line)
    uri = embedded.lookup_class_name_from_uid(event["class_uid"])
    schema = embedded.get_class_schema(uri, profiles=event["metadata"]["profiles"])
    jsonschema.Draft202012Validator(schema).validate(event)
"""


class Missing(Exception):
    """The judge is not installed."""


def shell(script: str, cwd: Path) -> bool:
    return (
        subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script], cwd=cwd, capture_output=True, check=False
        ).returncode
        == 0
    )


def howto(bundle: Path, step: int) -> str:
    """The commands that HOWTO.txt prints under *step*, as a person would paste them."""
    text = (bundle / "HOWTO.txt").read_text()
    part = text.split(f"\n{step}. ")[1].split(f"\n{step + 1}. ")[0]
    return "\n".join(line.strip() for line in part.splitlines() if line.startswith("     "))


def openssl_head(bundle: Path) -> bool:
    if shutil.which("openssl") is None:
        raise Missing("openssl")
    return shell(howto(bundle, 3), bundle)


def sums(bundle: Path) -> bool:
    return shell(howto(bundle, 2), bundle)


def chain(bundle: Path) -> bool:
    """Every link by sha256sum and base64 alone, as HOWTO's fourth step shows for the first."""
    script = r"""
    prev=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    head -n 24 leaves.jsonl | while IFS= read -r line; do
      got=$(printf %s "$line" | sed 's/.*"prev":"\([^"]*\)".*/\1/')
      [ "$got" = "$prev" ] || exit 1
      prev=$( (printf '\000'; printf %s "$line") | sha256sum | cut -c1-64 | xxd -r -p | base64 -w0 | tr '+/' '-_' | tr -d '=')
    done
    """
    if shutil.which("xxd") is None:
        script = script.replace(
            "xxd -r -p",
            f"{sys.executable} -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read().strip()))'",
        )
    return shell(script, bundle)


TLOG_SCALES = """
import sys
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint
head = Checkpoint.from_text(open(sys.argv[1] + "/checkpoint").read())
for line in open(sys.argv[1] + "/vkeys"):
    head.verify(Vkey.from_string(line.split()[0]))
"""
"""``get-leaf`` holds a leaf against the head and asks nobody who signed that; the library does, both signatures."""


def tlog_scales(venv: Path | None) -> Callable[[Path], bool]:
    def judge(bundle: Path) -> bool:
        program = venv / "bin" / "tlog-tiles" if venv else None
        if program is None or not program.exists():
            raise Missing("tlog-scales (--venv)")
        python = str(venv / "bin" / "python") if venv else ""
        if subprocess.run(
            [python, "-c", TLOG_SCALES, str(bundle)], capture_output=True, check=False
        ).returncode:
            return False
        for n in (0, BROKEN, BROKEN + 1, 280):
            run = subprocess.run(
                [str(program), "get-leaf", "-c", str(bundle), str(n)], capture_output=True, check=False
            )
            want = (bundle / "leaves.jsonl").read_bytes().split(b"\n")[n]
            if run.returncode or want not in run.stdout:
                return False
        return True

    return judge


def sigstore(node: Path | None) -> Callable[[Path], bool]:
    def judge(bundle: Path) -> bool:
        if node is None or not (node / "@sigstore" / "verify").is_dir() or shutil.which("node") is None:
            raise Missing("@sigstore/verify (--node)")
        run = subprocess.run(
            ["node", str(HERE / "sigstore.js"), str(node), str(bundle)],
            capture_output=True,
            check=False,
            text=True,
        )
        return run.returncode == 0

    return judge


MLDSA = """
import base64, hashlib, struct, sys
from dilithium_py.ml_dsa import ML_DSA_44
note, vkey = open(sys.argv[1] + "/checkpoint").read(), open(sys.argv[1] + "/vkeys").read().split()[1]
name, id, key = vkey.split("+", 2)
key = base64.b64decode(key)
assert hashlib.sha256(name.encode() + b"\\n" + key).hexdigest()[:8] == id and key[0] == 6
origin, size, root = note.split("\\n")[:3]
for line in note.split("\\n\\n", 1)[1].splitlines():
    raw = base64.b64decode(line.split(" ")[2])
    if raw[:4].hex() == id:
        message = struct.pack(">12sB%dsQB%dsQQ32s" % (len(name), len(origin)), b"subtree/v1\\n\\0", len(name), name.encode(),
            struct.unpack(">Q", raw[4:12])[0], len(origin), origin.encode(), 0, int(size), base64.b64decode(root))
        sys.exit(not ML_DSA_44.verify(key[1:], message, raw[12:]))
sys.exit(1)
"""


def second_signature(venv: Path | None) -> Callable[[Path], bool]:
    """FIPS 204 by an implementation in Python alone, over bytes that are put together here from the specification."""

    def judge(bundle: Path) -> bool:
        python = venv / "bin" / "python" if venv else None
        if python is None or not python.exists():
            raise Missing("dilithium-py (--venv)")
        run = subprocess.run([str(python), "-c", MLDSA, str(bundle)], capture_output=True, check=False)
        return run.returncode == 0

    return judge


def ocsf(venv: Path | None, root: Path, spoil: bool) -> bool:
    python = venv / "bin" / "python" if venv else None
    if python is None or not python.exists():
        raise Missing("ocsf-json-schema (--venv)")
    lines = b"".join(FORMATS["ocsf"](entry_of(s.seq, s.leaf)) for s in write(database(), every_type()))
    path = root / "events.jsonl"
    path.write_bytes(re.sub(rb'"time":\d+', b'"time":"x"', lines, count=1) if spoil else lines)
    return (
        subprocess.run([str(python), "-c", OCSF, str(path)], capture_output=True, check=False).returncode == 0
    )


def write_proof(bundle: Path, connection: object) -> None:
    (bundle / f"entry{PROVEN}.tlog-proof").write_text(Reader(connection).proof(PROVEN).text)  # type: ignore[arg-type]


def flip(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data, path
    path.write_bytes(data.replace(old, new, 1))


BROKEN = 20
"""The entry that mutations touch: within the lines whose chain is checked by sha256sum, and not the first."""
PROVEN = 5


def change_byte(d: Path) -> None:
    """In the bundle, the lines and the proof alike, so that only the tree and the chain can tell."""
    for name in ("tile/entries/000", "leaves.jsonl"):
        flip(d / name, b'"r-2.5"', b'"r-3.5"')
    edit_proof(d, lambda proof: replace(proof, extra=(proof.extra or b"").replace(b'"v":1', b'"v":2')))


def swap(d: Path) -> None:
    lines = (d / "leaves.jsonl").read_bytes().splitlines()
    lines[BROKEN], lines[BROKEN + 1] = lines[BROKEN + 1], lines[BROKEN]
    (d / "leaves.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    (d / "tile/entries/000").write_bytes(pack(lines[:256]))
    edit_proof(d, lambda proof: replace(proof, index=PROVEN + 1))


def edit_tile(d: Path) -> None:
    data = bytearray((d / "tile/0/000").read_bytes())
    data[BROKEN * 32] ^= 1
    (d / "tile/0/000").write_bytes(bytes(data))
    first = lambda proof: bytes([proof.hashes[0][0] ^ 1]) + proof.hashes[0][1:]  # noqa: E731
    edit_proof(d, lambda proof: replace(proof, hashes=(first(proof), *proof.hashes[1:])))


def forge_size(d: Path) -> None:
    flip(d / "checkpoint", b"\n288\n", b"\n287\n")
    edit_proof(d, lambda proof: replace(proof, note=proof.note.replace("\n288\n", "\n287\n")))


def remove_bundle(d: Path) -> None:
    (d / "tile/entries/000").unlink()


def forge_head(d: Path) -> None:
    """Another key signs the same text in the log's name."""
    text = split_note((d / "checkpoint").read_text())[0]
    note = sign_note(text, [signer(b"thief")])
    (d / "checkpoint").write_text(note)
    edit_proof(d, lambda proof: replace(proof, note=note))


def edit_proof(d: Path, change: Callable[[Proof], Proof]) -> None:
    path = d / f"entry{PROVEN}.tlog-proof"
    path.write_text(change(parse_proof(path.read_text())).text)


MUTATIONS: dict[str, Callable[[Path], None]] = {
    "one byte of one record": change_byte,
    "two records swapped": swap,
    "a tile edited": edit_tile,
    "a forged size": forge_size,
    "a bundle removed": remove_bundle,
    "another key's head": forge_head,
}
HEAD_ONLY = "it reads the head alone"
FILES_ONLY = "sums are over files, and say nothing of keys"
LINES_ONLY = "it reads the lines alone"
PROOF_ONLY = "it reads one proof, not the files"
BLIND: dict[str, dict[str, str]] = {
    "openssl pkeyutl over the head": {
        name: HEAD_ONLY for name in MUTATIONS if name not in ("a forged size", "another key's head")
    },
    "sha256sum over the files": {},
    "sha256sum over the chain": {
        name: LINES_ONLY
        for name in MUTATIONS
        if name not in ("one byte of one record", "two records swapped")
    },
    "tlog-scales": {},
    "dilithium-py over the head's second signature": {
        name: HEAD_ONLY for name in MUTATIONS if name not in ("a forged size", "another key's head")
    },
    "@sigstore/verify": {"a bundle removed": PROOF_ONLY},
    "Go x/mod sumdb": {},
}
"""What a judge cannot see, and why. A history rewritten by the log's own key, and one cut back, only a head kept outside shows: the campaign."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--node", type=Path)
    parser.add_argument("--mutations", type=int, default=500)
    arguments = parser.parse_args()
    failed = skipped = 0

    def expect(name: str, want: bool, judge: Callable[[], bool]) -> None:
        nonlocal failed, skipped
        try:
            got = judge()
        except Missing as e:
            skipped += 1
            print(f"SKIPPED  {name}: {e} is not installed")
            return
        failed += got != want
        print(f"{'ok' if got == want else 'FAILED':<8} {name}: {'accepts' if got else 'rejects'}")

    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        connection = filled(requests=36)
        good = root / "good"
        # Every judge sees a head with a signature of a kind that most of them do not know.
        last = parse_checkpoint(split_note(Reader(connection).latest_note()[1])[0])
        keep_cosignature(connection, last.size, second_signer().cosign(last, int(at(3600).timestamp())))
        export_bundle(Reader(connection), good, [signer().vkey, second_signer().vkey], policies=POLICIES)
        program = campaign.build_go(root)
        go = campaign.Go(program) if program is not None else None

        def ask_go(bundle: Path) -> bool:
            if go is None:
                raise Missing("apt-get install golang-go golang-golang-x-mod-dev")
            return go.accepts(bundle, [])

        judges: dict[str, Callable[[Path], bool]] = {
            "openssl pkeyutl over the head": openssl_head,
            "sha256sum over the files": sums,
            "sha256sum over the chain": chain,
            "tlog-scales": tlog_scales(arguments.venv),
            "dilithium-py over the head's second signature": second_signature(arguments.venv),
            "@sigstore/verify": sigstore(arguments.node),
            "Go x/mod sumdb": ask_go,
        }
        for name, judge in judges.items():
            for what, breaks in {"good": lambda _: None, **MUTATIONS}.items():
                if what in BLIND[name]:
                    print(f"--       {name}, {what}: not to be seen, {BLIND[name][what]}")
                    continue
                work = root / "work"
                shutil.copytree(good, work)
                write_proof(work, connection)
                breaks(work)
                ask = partial(judge, work)
                expect(f"{name}, {what}", what == "good", ask)
                shutil.rmtree(work)
        if go is not None:
            go.close()
        expect(
            "ocsf-json-schema 1.8.0, every entry type", True, lambda: ocsf(arguments.venv, root, spoil=False)
        )
        expect("ocsf-json-schema 1.8.0, broken", False, lambda: ocsf(arguments.venv, root, spoil=True))
        if program is not None:
            counts = campaign.run(arguments.mutations, 1, root / "campaign", program)
            print(f"ok       Go x/mod sumdb: {sum(counts.values())} mutations, every verdict equal to ours")
    print(json.dumps({"failed": failed, "skipped": skipped}))
    return 1 if failed else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
