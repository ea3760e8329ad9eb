"""The bundle: what an auditor gets, and needs nobody to read.

A C2SP tlog-tiles directory of the whole log up to its newest signed head, the same leaves
as lines, every head ever signed, the keys, the disclosures that were asked for, the
policies, a verifier in one file and a page of commands. Leaves hold no personal data, so
an export is always the complete range; what is disclosed is chosen one by one.
"""

import hashlib
import inspect
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit import bulk, crew, semantics, standalone
from audit.checkpoint import Verifier, parse_checkpoint, parse_vkey, split_note
from audit.disclosure import Opened
from audit.ledger_sqlite import split_stack
from audit.reader import Reader
from audit.rotation import followed
from audit.tiles import ENTRIES, WIDTH, bundle, tile_path, tiles_of

HOWTO: Final = """\
How to check this log with tools you already have
=================================================

Log:  {origin}
Head: {size} entries. Compare size and root with a head you kept or were sent earlier;
      without one nobody can tell you that the end was not cut off.

1. Everything at once (Python 3.11 and the package cryptography; read the file first if you like):

     python3 verify.py . --vkey '{vkey}' --checkpoint HEAD_YOU_KEPT

2. The files are the ones that were exported:

     sha256sum --check --quiet SHA256SUMS

3. The head's signature, by OpenSSL 3. The text is all before the empty line; the signature is the
   base64 in the first line after it, without its first four bytes (the key's id); the key is the last 32 bytes of the vkey:

     sed '/^$/,$d' checkpoint > head.txt
     sed '1,/^$/d' checkpoint | head -n 1 | awk '{{print $3}}' | base64 -d | tail -c +5 > head.sig
     (printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; printf %s '{key64}' | base64 -d | tail -c 32) > key.der
     openssl pkey -pubin -inform DER -in key.der -out key.pem
     openssl pkeyutl -verify -rawin -pubin -inkey key.pem -in head.txt -sigfile head.sig

4. The chain, by sha256sum. The hash of each entry is SHA-256 of one zero byte and the line's bytes without the newline;
   base64url of it stands as "prev" in the next line:

     (printf '\\000'; sed -n 1p leaves.jsonl | tr -d '\\n') | sha256sum
     sed -n 2p leaves.jsonl | sed 's/.*"prev":"\\([^"]*\\)".*/\\1=/' | tr '_-' '/+' | base64 -d | od -An -tx1

5. The tree: this directory is a C2SP tlog-tiles log. Go's golang.org/x/mod/sumdb/tlog and other tools read it as it is.

6. Timestamps, if tsr/ holds any:

     openssl ts -verify -data checkpoints/SIZE -in tsr/SIZE.tsr -CAfile tsr/ca.pem
     openssl ts -reply -in tsr/SIZE.tsr -text | grep 'Time stamp'

7. The policies: policies/sha256-HEX.yaml is the text in force; HEX is its SHA-256 and stands as "pol" in each entry about a request:

     sha256sum policies/*.yaml

What a clean result does and does not say: the entries are what was written when the head was signed, in that order, and each
approval is explained by recorded votes. It does not say that the machine was honest when it wrote them.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    directory: Path
    size: int
    origin: str
    files: int


def export_bundle(
    reader: Reader,
    directory: Path,
    vkeys: Sequence[str],
    *,
    disclosures: Iterable[Opened] = (),
    policies: Mapping[str, tuple[bytes, bytes]] | None = None,
    timestamps: Mapping[str, bytes] | None = None,
) -> Exported:
    """Write the bundle into *directory*, which must not exist yet.

    *vkeys* are lines of the ``vkeys`` file, the current key first; those that were retired are added, with the last head that each signed. *policies* are, by hash, the text that was in
    force and its rules in JSON. *timestamps* are files for ``tsr/`` by name. Runs inside the caller's read transaction, so it is one state of the log.
    """
    size, note = reader.latest_note()
    origin = parse_checkpoint(split_note(note)[0]).origin
    directory.mkdir(parents=True)
    out = _Out(directory)
    out.write("checkpoint", note.encode())
    rotations = reader.rotations()
    retired = followed([parse_vkey(line.split(" ", 1)[0]) for line in vkeys], rotations)
    signed: dict[Verifier, int] = {}
    for at, head in reader.notes():
        out.write(f"checkpoints/{at}", head.encode())
        signed |= dict.fromkeys(_signers(head, retired), at)
    for at, lines in reader.cosignatures():
        out.write(f"cosignatures/{at}", lines.encode())
        signed |= dict.fromkeys(_signers(f"-\n\n{lines}", retired), at)
    windows = [f"{key.vkey} 0..{signed.get(key, 0)}" for key in retired]
    out.write("vkeys", "".join(line + "\n" for line in (*vkeys, *windows)).encode())
    if rotations:
        out.write("rotations.jsonl", "".join(json.dumps(row) + "\n" for row in rotations).encode())
    minimum = reader.minimum()
    if minimum:
        (stack,) = reader.connection.execute("SELECT stack FROM audit_retention WHERE id = 1").fetchone()
        mark = {"minimum": minimum, "stack": [b64encode(h).decode() for h in split_stack(stack)]}
        out.write("minimum.json", json.dumps(mark).encode())
    _entries(reader, out, minimum, size)
    for level, n, width in tiles_of(size):
        if (n + 1) * WIDTH ** (level + 1) > minimum:
            out.write(tile_path(level, n, width), b"".join(reader.hashes(level, n * WIDTH, width)))
    rows = [{"seq": d.seq, "name": d.name, "disclosure": d.encoded} for d in disclosures]
    out.write("disclosures.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    for digest, (text, rules) in (policies or {}).items():
        out.write(f"policies/{digest.replace(':', '-')}.yaml", text)
        out.write(f"policies/{digest.replace(':', '-')}.json", rules)
    for name, data in (timestamps or {}).items():
        out.write(f"tsr/{name}", data)
    out.write("verify.py", verifier_text().encode())
    key64 = vkeys[0].split(" ", 1)[0].split("+", 2)[2]
    out.write(
        "HOWTO.txt",
        HOWTO.format(origin=origin, size=size, vkey=vkeys[0].split(" ", 1)[0], key64=key64).encode(),
    )
    out.sums()
    return Exported(directory, size, origin, out.count)


def _signers(note: str, keys: Sequence[Verifier]) -> list[Verifier]:
    """Those of *keys* whose line stands under *note*."""
    if not keys:
        return []
    by = {(signature.name, signature.key_id) for signature in split_note(note)[1]}
    return [key for key in keys if (key.name, key.key_id) in by]


def verifier_text() -> str:
    """The stand-alone verifier: ``audit.standalone`` with the text of what it imports from here in place of the imports."""
    whole = inspect.getsource(standalone)
    parts = [inspect.getsource(module) for module in (semantics, bulk, crew)]
    body = "\n\n".join(text[text.index("\nimport ") + 1 :] for text in parts)
    whole = whole.replace("OK, TAMPERED,", f"{body}\n\nOK, TAMPERED,", 1)
    return "".join(line for line in whole.splitlines(keepends=True) if not line.startswith("from audit."))


def _entries(reader: Reader, out: "_Out", minimum: int, size: int) -> None:
    """Leaves as entry bundles and as lines, a bundle at a time."""
    with (out.directory / "leaves.jsonl").open("wb") as lines:
        for n in range(minimum // WIDTH, -(-size // WIDTH)):
            end = min(size, (n + 1) * WIDTH)
            leaves = [leaf for _, leaf, _ in reader.leaves(n * WIDTH, end)]
            out.write(tile_path(ENTRIES, n, end - n * WIDTH), bundle(leaves))
            lines.writelines(leaf + b"\n" for leaf in leaves)
    out.note("leaves.jsonl")


class _Out:
    """Writes files under one directory and remembers their digests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._sums: list[str] = []

    @property
    def count(self) -> int:
        return len(self._sums)

    def write(self, name: str, data: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")

    def note(self, name: str) -> None:
        with (self.directory / name).open("rb") as file:
            self._sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")

    def sums(self) -> None:
        (self.directory / "SHA256SUMS").write_text("".join(sorted(self._sums, key=lambda line: line[66:])))
