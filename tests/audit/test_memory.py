"""What a verification holds in memory does not grow with the log (``memory of verify`` among the goals).

Measured as an operator would see it: the greatest resident size of a process that does nothing else.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from adapters.keys.files import create, load
from audit import semantics
from audit.disclosure import GcmSealer
from audit.export import export_bundle
from audit.journal import Journal
from audit.reader import Reader
from audit.semantics import Kept, Replay
from bot.rand import OsRand
from tests.audit.logs import ORIGIN, POLICIES, database, story, write

SMALL, BIG = 500, 4500
"""Requests, of eight entries and one head each."""

GROWTH_MIB: Final = 3
"""What an allocator may do. When every request was remembered, the 4,000 more took 10 MiB."""

LIMIT_MIB: Final = 64

CHILD: Final = """
import json, sqlite3, sys
from pathlib import Path
from audit import fsck, semantics, standalone
semantics.HOT_MAX = 32
target, vkey, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
if target.is_dir():
    result = standalone.verify(target, [vkey], [], size)
    said = result.exit, result.size
else:
    from audit.checkpoint import parse_vkey
    connection = sqlite3.connect(target)
    report = fsck.verify_database(connection, verifiers=[parse_vkey(vkey)], expect_size=size)
    said = int(report.exit), report.size
    connection.close()
print(json.dumps(said))
"""

COMMAND: Final = """
import sys
from bot.cli import main
sys.argv = ["signoff", "audit", "verify", "--json", "--processes", "1", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""

PEAK_OF_THIS_PROCESS: Final = """
import re
# Not ru_maxrss: that counts what the process was forked from.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak"
)


def log_of(folder: Path, requests: int) -> None:
    keys = load(folder / "keys", OsRand())
    log = Journal(ORIGIN, keys.log_signers(ORIGIN)[0], os.urandom, sealer=GcmSealer(keys, os.urandom))
    connection = database(folder / f"{requests}.db")
    connection.execute("PRAGMA synchronous = OFF")
    for i in range(requests):
        write(connection, list(story(f"r-{i}", start=i * 60, first_seq=i * 8)), log)
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    for hash, kept in POLICIES.items():
        text = json.dumps([part.decode() for part in kept])
        connection.execute("INSERT INTO meta VALUES (?, ?)", (f"policy_kept:{hash}", text))
    export_bundle(Reader(connection), folder / f"{requests}.bundle", [vkey_of(folder)], policies=POLICIES)
    connection.close()


def vkey_of(folder: Path) -> str:
    return load(folder / "keys", OsRand()).log_signers(ORIGIN)[0].vkey


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    create(folder / "keys", OsRand())
    log_of(folder, SMALL)
    log_of(folder, BIG)
    return folder


def peak_mib(code: str, *arguments: object) -> tuple[list, float]:
    child = subprocess.run(
        [sys.executable, "-c", code + PEAK_OF_THIS_PROCESS, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    said, _, peak = child.stdout.rstrip().rpartition("\n")
    return json.loads(said), float(peak)


@needs_proc
@pytest.mark.parametrize("kind", ["db", "bundle"])
def test_a_log_nine_times_as_long_takes_no_more_memory_to_verify(logs, kind):
    peaks = []
    for requests in (SMALL, BIG):
        said, peak = peak_mib(CHILD, logs / f"{requests}.{kind}", vkey_of(logs), requests * 8)
        assert said == [0, requests * 8]
        peaks.append(peak)

    small, big = peaks
    assert big - small < GROWTH_MIB, (small, big)
    assert big < LIMIT_MIB


@needs_proc
@pytest.mark.parametrize("of", ["the live database", "a bundle"])
def test_the_command_stays_within_the_limit_with_all_that_it_looks_at(logs, of):
    (logs / "signoff.yaml").write_text(
        f"server: {{host: 127.0.0.1, port: 1}}\nstore: {{path: {BIG}.db}}\nkeys: {{directory: keys}}\n"
        f"policy: {{file: policy.yaml}}\naudit: {{origin: {ORIGIN}}}\n"
    )
    asked = (
        ("--config", logs) if of == "the live database" else (logs / f"{BIG}.bundle", "--vkey", vkey_of(logs))
    )

    said, peak = peak_mib(COMMAND, *asked)

    assert (said["exit"], said["size"], said["findings"]) == (0, BIG * 8, [])
    if of == "the live database":
        assert f"{BIG * 2} values open the digests" in " ".join(said["notes"])
    assert peak < LIMIT_MIB


# --- what is written out is not forgotten


@pytest.fixture
def cramped(monkeypatch):
    monkeypatch.setattr(semantics, "HOT_MAX", 4)


def test_what_left_the_memory_comes_back_as_it_was_changed_last(cramped):
    kept: Kept[list[int]] = Kept()
    for n in range(50):
        kept.put(str(n), [n])
    changed = kept.get("3")
    assert changed is not None
    changed.append(33)
    for n in range(20, 40):
        kept.get(str(n))

    assert kept.get("3") == [3, 33]
    assert kept.get("50") is None
    assert [key for key, _ in kept.items()] == [str(n) for n in range(50)]
    assert len(kept._hot) <= 4


def steps(drafts) -> list[str]:
    replay = Replay()
    return [f for s in write(database(), drafts) for f in replay.step(s.seq, json.loads(s.leaf))]


def between(first: list, last: list) -> list:
    others = [d for i in range(30) for d in story(f"o-{i}", start=100 + i * 60, first_seq=len(first) + i * 8)]
    return [*first, *others, *last]


def test_stories_that_were_written_out_between_their_entries_are_explained(cramped):
    one = list(story("r-1"))

    assert steps(between(one[:3], [])) == []
    whole = between(one, [])
    interleaved = sorted(whole, key=lambda d: int(d.id.rpartition(".")[2]))
    assert any("not in the log" in f for f in steps(interleaved)), "the places of the votes moved"
    by_id = [named_by_id(d) for d in interleaved]
    assert steps(by_id) == []


def named_by_id(draft):
    data, request = dict(draft.data), draft.request
    if "votes" in data:
        data |= {"votes": None, "vote_ids": [f"{request}.3", f"{request}.4"]}
    if "decision" in data:
        data |= {"decision": None, "decision_id": f"{request}.5"}
    return replace(draft, data=data)


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (0, "created a second time"),
        (2, "is counted after it was approved"),
        (4, "a second decision"),
        (5, "gets a second grant"),
        (6, "is spent although it is ended"),
    ],
)
def test_a_second_one_is_seen_however_much_later_it_comes(cramped, again, said):
    one = list(story("r-1"))
    late = replace(one[again], id="late")

    assert any(said in f and "r-1" in f for f in steps(between(one, [late])))
