"""Everybody else's verdict on our export: Go, OpenSSL, sha256sum, tlog-scales, sigstore, ocsf-json-schema.

    python -m tests.audit.interop.judges [--venv DIR] [--node DIR] [--mutations N]

Each judge must accept the good bundle and reject the broken ones it can see. A judge that is
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
from pathlib import Path

from audit.checkpoint import parse_checkpoint, split_note
from audit.export import export_bundle
from audit.formats import FORMATS, entry_of
from audit.ledger_sqlite import keep_cosignature
from audit.reader import Reader
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


def tlog_scales(venv: Path | None) -> Callable[[Path], bool]:
    def judge(bundle: Path) -> bool:
        program = venv / "bin" / "tlog-tiles" if venv else None
        if program is None or not program.exists():
            raise Missing("tlog-scales (--venv)")
        (bundle / "vkey").write_text(signer().vkey)
        for n in (0, 100, 280):
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
    (bundle / "entry5.tlog-proof").write_text(Reader(connection).proof(5).text)  # type: ignore[arg-type]


def flip(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data, path
    path.write_bytes(data.replace(old, new, 1))


def break_entry_100(d: Path) -> None:
    """In the bundle and in the lines alike, so that only the tree can tell."""
    for name in ("tile/entries/000", "leaves.jsonl"):
        flip(d / name, b'"r-12.5"', b'"r-13.5"')


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
        judges: dict[str, tuple[Callable[[Path], bool], Callable[[Path], None]]] = {
            "openssl pkeyutl over the head": (
                openssl_head,
                lambda d: flip(d / "checkpoint", b"\n288\n", b"\n287\n"),
            ),
            "sha256sum over the files": (
                sums,
                lambda d: flip(d / "tile/0/000", (d / "tile/0/000").read_bytes()[:1], b"\x00\x01"),
            ),
            "sha256sum over the chain": (chain, lambda d: flip(d / "leaves.jsonl", b"p_ana", b"p_eve")),
            "tlog-scales": (
                tlog_scales(arguments.venv),
                break_entry_100,
            ),
            "dilithium-py over the head's second signature": (
                second_signature(arguments.venv),
                lambda d: flip(d / "checkpoint", b"\n288\n", b"\n287\n"),
            ),
            "@sigstore/verify": (
                sigstore(arguments.node),
                lambda d: flip(d / "entry5.tlog-proof", b"\n288\n", b"\n287\n"),
            ),
        }
        for name, (judge, breaks) in judges.items():
            for broken in (False, True):
                work = root / "work"
                shutil.copytree(good, work)
                write_proof(work, connection)
                if broken:
                    breaks(work)
                expect(
                    name + (", broken" if broken else ""),
                    not broken,
                    lambda judge=judge, work=work: judge(work),
                )  # type: ignore[misc]
                shutil.rmtree(work)
        expect(
            "ocsf-json-schema 1.8.0, every entry type", True, lambda: ocsf(arguments.venv, root, spoil=False)
        )
        expect("ocsf-json-schema 1.8.0, broken", False, lambda: ocsf(arguments.venv, root, spoil=True))
        program = campaign.build_go(root)
        if program is None:
            skipped += 1
            print("SKIPPED  Go x/mod sumdb: apt-get install golang-go golang-golang-x-mod-dev")
        else:
            counts = campaign.run(arguments.mutations, 1, root / "campaign", program)
            print(f"ok       Go x/mod sumdb: {sum(counts.values())} mutations, every verdict equal to ours")
    print(json.dumps({"failed": failed, "skipped": skipped}))
    return 1 if failed else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
