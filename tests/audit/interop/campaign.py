"""Ten thousand broken logs, judged by our verifier and by Go's x/mod: the verdicts must be equal.

    python -m tests.audit.interop.campaign [N] [SEED]

Each round takes a good bundle, does one random thing to it (or nothing), and asks both whether
it stands, once with a head kept outside and once without. What only an outside head can
reveal (a log cut back to its own older head) must pass without one and fail with one.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from audit import standalone
from audit.checkpoint import Checkpoint, sign_note
from audit.export import export_bundle
from audit.reader import Reader
from tests.audit.logs import ORIGIN, POLICIES, database, filled, journal, signer, story, write

HERE = Path(__file__).parent


def build_go(directory: Path) -> Path | None:
    """The judge as a program, or None where Debian's Go and x/mod are not installed."""
    gopath = Path("/usr/share/gocode")
    go = shutil.which("go")
    if go is None or not (gopath / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return None
    program = directory / "tlogcheck"
    environment = {
        "GO111MODULE": "off",
        "GOPATH": str(gopath),
        "GOCACHE": str(directory / "cache"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
    }
    subprocess.run(
        [go, "build", "-o", str(program), str(HERE / "tlogcheck.go")],
        check=True,
        env=environment,
        capture_output=True,
    )
    return program


class Go:
    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def accepts(self, directory: Path, outside: list[Path]) -> bool:
        question = {"dir": str(directory), "vkey": signer().vkey, "outside": [str(p) for p in outside]}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().startswith("OK")

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def ours_accepts(directory: Path, outside: list[Path]) -> bool:
    try:
        return standalone.verify(directory, [signer().vkey], outside, None).exit == standalone.OK
    except (standalone.Bad, OSError, ValueError):
        return False


class Ground:
    """The good bundles that mutations start from."""

    def __init__(self, root: Path, requests: int = 36) -> None:
        root.mkdir(exist_ok=True)
        self.good, self.older, self.forked = root / "good", root / "older", root / "forked"
        connection = filled(requests=requests)
        export_bundle(Reader(connection), self.good, [signer().vkey], policies=POLICIES)
        export_bundle(Reader(filled(requests=requests - 5)), self.older, [signer().vkey], policies=POLICIES)
        fork, log, n = database(), journal(), 0
        for i in range(requests + 1):
            drafts = list(
                story(
                    f"r-{i}",
                    i * 60,
                    approvers=("p_ana", "p_eve" if i == requests - 3 else "p_bo"),
                    first_seq=n,
                )
            )
            n += len(write(fork, drafts, log))
        export_bundle(Reader(fork), self.forked, [signer().vkey], policies=POLICIES)
        self.outside = root / "kept-head"
        self.outside.write_text((self.good / "checkpoint").read_text())


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))


def entry_files(d: Path) -> list[Path]:
    return sorted(p for p in (d / "tile/entries").rglob("*") if p.is_file())


def hash_files(d: Path) -> list[Path]:
    return sorted(p for p in (d / "tile").rglob("*") if p.is_file() and "entries" not in p.parts)


def edit_entry(d: Path, g: Ground, rng: random.Random) -> None:
    flip(rng.choice(entry_files(d)), rng)


def swap_entries(d: Path, g: Ground, rng: random.Random) -> None:
    path = rng.choice(entry_files(d))
    leaves = standalone_unbundle(path.read_bytes())
    a, b = rng.sample(range(len(leaves)), 2)
    leaves[a], leaves[b] = leaves[b], leaves[a]
    path.write_bytes(b"".join(len(x).to_bytes(2, "big") + x for x in leaves))


def standalone_unbundle(data: bytes) -> list[bytes]:
    out, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        out.append(data[at + 2 : end])
        at = end
    return out


def drop_entry(d: Path, g: Ground, rng: random.Random) -> None:
    path = rng.choice(entry_files(d))
    leaves = standalone_unbundle(path.read_bytes())
    leaves.pop(rng.randrange(len(leaves)))
    path.write_bytes(b"".join(len(x).to_bytes(2, "big") + x for x in leaves))


def edit_tile(d: Path, g: Ground, rng: random.Random) -> None:
    flip(rng.choice(hash_files(d)), rng)


def remove_file(d: Path, g: Ground, rng: random.Random) -> None:
    rng.choice(entry_files(d) + hash_files(d) + [d / "checkpoint"]).unlink()


def cut_file(d: Path, g: Ground, rng: random.Random) -> None:
    path = rng.choice(entry_files(d) + hash_files(d))
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def edit_head(d: Path, g: Ground, rng: random.Random) -> None:
    path = rng.choice([d / "checkpoint", *sorted((d / "checkpoints").iterdir())])
    data = bytearray(path.read_bytes())
    text_end = data.rindex(b"\n\n")
    at = rng.randrange(text_end + 1)
    data[at] = (data[at] ^ (1 << rng.randrange(7))) & 0x7F
    if bytes(data) == path.read_bytes():
        data[0] ^= 1
    path.write_bytes(bytes(data))


def edit_signature(d: Path, g: Ground, rng: random.Random) -> None:
    path = rng.choice([d / "checkpoint", *sorted((d / "checkpoints").iterdir())])
    head, _, line = path.read_text().rpartition("— ")
    dash_name, _, encoded = line.rstrip("\n").rpartition(" ")
    at = rng.randrange(8, len(encoded) - 4)
    encoded = encoded[:at] + rng.choice([c for c in "ABCDabcd0123" if c != encoded[at]]) + encoded[at + 1 :]
    path.write_text(f"{head}— {dash_name} {encoded}\n")


def forge_size(d: Path, g: Ground, rng: random.Random) -> None:
    """The right key over a wrong size: what a stolen key could sign."""
    lines = (d / "checkpoint").read_text().split("\n")
    size = int(lines[1]) + rng.choice([-1, 1, -7, 300])
    note = sign_note(Checkpoint(ORIGIN, size, standalone.b64decode(lines[2])).text, [signer()])
    (d / "checkpoint").write_text(note)


def wrong_key(d: Path, g: Ground, rng: random.Random) -> None:
    head = standalone.parse_note((d / "checkpoint").read_text())
    (d / "checkpoint").write_text(sign_note(head.text, [signer(b"thief")]))


def _replace(d: Path, other: Path) -> None:
    shutil.rmtree(d)
    shutil.copytree(other, d)


def cut_back(d: Path, g: Ground, rng: random.Random) -> None:
    _replace(d, g.older)


def rewrite_history(d: Path, g: Ground, rng: random.Random) -> None:
    """A whole other history, longer and signed with the same key."""
    _replace(d, g.forked)


def fork_tail(d: Path, g: Ground, rng: random.Random) -> None:
    """Entries of one history under the head of the other."""
    shutil.copytree(g.forked / "tile", d / "tile", dirs_exist_ok=True)
    n = len(entry_files(d)) - 1
    last = entry_files(g.good)[-1].relative_to(g.good)
    (d / last).write_bytes(entry_files(g.forked)[-1].read_bytes()[: (d / last).stat().st_size])
    assert n >= 0


def foreign_head(d: Path, g: Ground, rng: random.Random) -> None:
    size = rng.randrange(1, 250)
    note = sign_note(Checkpoint(ORIGIN, size, rng.randbytes(32)).text, [signer()])
    (d / f"checkpoints/{size}").write_text(note)


def untouched(d: Path, g: Ground, rng: random.Random) -> None:
    return


Mutation = Callable[[Path, Ground, random.Random], None]
MUTATIONS: list[Mutation] = [
    edit_entry,
    edit_entry,
    edit_entry,
    swap_entries,
    drop_entry,
    edit_tile,
    remove_file,
    cut_file,
    edit_head,
    edit_signature,
    forge_size,
    wrong_key,
    cut_back,
    rewrite_history,
    fork_tail,
    foreign_head,
    untouched,
]
STANDS_WITHOUT_OUTSIDE_HEAD = {untouched, cut_back, rewrite_history}


def run(rounds: int, seed: int, root: Path, program: Path) -> Counter[str]:
    """Judge *rounds* mutations; raises on the first one on which anybody is wrong."""
    rng, ground, go = random.Random(seed), Ground(root), Go(program)
    counts: Counter[str] = Counter()
    work = root / "work"
    try:
        for n in range(rounds):
            mutation = rng.choice(MUTATIONS)
            shutil.copytree(ground.good, work)
            mutation(work, ground, rng)
            for outside in ([], [ground.outside]):
                stands = mutation is untouched or (not outside and mutation in STANDS_WITHOUT_OUTSIDE_HEAD)
                ours, theirs = ours_accepts(work, outside), go.accepts(work, outside)
                if not (ours == theirs == stands):
                    raise AssertionError(
                        f"round {n} {mutation.__name__} outside={bool(outside)}: ours {ours}, Go {theirs}, truth {stands}; seed {seed}"
                    )
            shutil.rmtree(work)
            counts[mutation.__name__] += 1
    finally:
        go.close()
    return counts


def main() -> int:
    given = [int(argument) for argument in sys.argv[1:3]]
    rounds, seed = (*given, *(10_000, 1)[len(given) :])
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        program = build_go(root)
        if program is None:
            print("Go is not here: apt-get install golang-go golang-golang-x-mod-dev")
            return 2
        counts = run(rounds, seed, root, program)
    print(f"{sum(counts.values())} mutations, two verdicts each, no disagreement")
    for name, count in counts.most_common():
        print(f"  {count:6}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
