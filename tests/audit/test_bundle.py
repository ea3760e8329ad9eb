import ast
import json
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from audit import cli, proof, standalone
from audit.checkpoint import BadNote, Checkpoint, sign_note
from audit.erasure import disclose_entry
from audit.export import export_bundle, verifier_text
from audit.proof import BadProof
from audit.reader import NotInLog, Reader
from audit.tiles import number_path, tile_path, tiles_of, unbundle
from tests.audit.interop import campaign
from tests.audit.logs import KEK, ORIGIN, POLICIES, filled, signer, verifier

VKEY = signer().vkey


@pytest.fixture(scope="module")
def connection():
    return filled(requests=36)


@pytest.fixture(scope="module")
def good(connection, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("bundle") / "b"
    opened = [o for seq in (0, 8) for o in disclose_entry(connection, seq, None, KEK, ORIGIN)]
    export_bundle(Reader(connection), directory, [VKEY], disclosures=opened, policies=POLICIES)
    return directory


@pytest.fixture
def bundle(good: Path, tmp_path: Path) -> Path:
    shutil.copytree(good, tmp_path / "b")
    return tmp_path / "b"


def failing(directory: Path, **kw: object) -> set[int]:
    result = standalone.verify(directory, [VKEY], kw.get("outside", []), kw.get("expect", 288))  # type: ignore[arg-type]
    return {int(name.split()[0]) for name, state in result.state.items() if state != "ok"}


def test_the_bundle_passes_all_ten_checks(good):
    result = standalone.verify(good, [VKEY], [good / "checkpoint"], 288)

    assert result.findings == []
    assert result.size == 288
    assert any("36 approvals replayed" in note for note in result.notes)
    assert any("4 disclosed" in note for note in result.notes)


def test_the_verifier_is_several_texts_in_one_file_and_gives_no_name_twice():
    names: Counter[str] = Counter()
    for node in ast.parse(verifier_text()).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                names[node.name] += 1
            case ast.Assign(targets=targets):
                names.update(one.id for one in targets if isinstance(one, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names[name] += 1

    assert [name for name, count in names.items() if count > 1] == []
    assert {"Replay", "Forms", "in_order", "verify"} <= names.keys()


def test_the_verifier_in_the_bundle_hands_parts_to_another_process(good, tmp_path):
    """With parts of one tile, and the other process waited for, as no log of this size would have it."""
    text = verifier_text()
    for old, new in (
        ("PARTS_MIN: Final = 32", "PARTS_MIN: Final = 0"),
        ("PART: Final = 1024", "PART: Final = 256"),
        ("any(answer.done() for answer in asked)", "all(answer.result(timeout=60) for answer in asked)"),
        ('    """``guess_part`` in a process of its own."""', '    sys.stderr.write(f"part {first}\\n")'),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "verify.py").write_text(text)

    run = subprocess.run(
        [sys.executable, "-I", tmp_path / "verify.py", good, "--vkey", VKEY, "--processes", "2"],
        capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
    )  # fmt: skip

    assert (run.returncode, run.stderr) == (0, "part 256\n")


def test_the_verifier_in_the_bundle_runs_alone_without_our_packages(good, tmp_path):
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            str(good / "verify.py"),
            str(good),
            "--vkey",
            VKEY,
            "--expect-size",
            "288",
            "--json",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["size"] == 288
    assert "from audit" not in verifier_text()
    assert "import audit" not in verifier_text()


def test_the_auditors_page_lists_the_checks_that_are_made():
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if re.match(r"\| \d", line)]

    assert tuple(rows) == standalone.CHECKS


def test_without_a_kept_head_the_answer_says_what_cannot_be_excluded(good, capsys):
    assert standalone.main([str(good)]) == 0

    out = capsys.readouterr().out
    assert "truncation cannot be excluded" in out
    assert "keys were taken from the bundle itself" in out
    assert "compliant" not in out


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--nonsense"], 3),
        (["--help"], 0),
        (["/nowhere"], 2),
        (["BUNDLE", "--vkey", "nonsense"], 3),
        (["BUNDLE", "--vkey", "a+00000000+AQ=="], 3),
    ],
)
def test_exit_codes_tell_misuse_from_incompleteness(good, argv, code, capsys):
    assert standalone.main([str(good) if a == "BUNDLE" else a for a in argv]) == code
    capsys.readouterr()


def test_a_cut_log_passes_alone_and_fails_against_a_kept_head(good, tmp_path):
    export_bundle(Reader(filled(requests=30)), tmp_path / "cut", [VKEY], policies=POLICIES)

    assert failing(tmp_path / "cut", expect=None) == set()
    assert failing(tmp_path / "cut", outside=[good / "checkpoint"]) == {3}
    assert failing(tmp_path / "cut", expect=288) == {3}


def test_a_changed_disclosure_fails_check_seven_only(bundle):
    path = bundle / "disclosures.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["disclosure"] = standalone.b64u(b'["AAAAAAAAAAAAAAAAAAAAAA","payload","forged"]')
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))

    assert failing(bundle) == {6, 7}


def test_a_changed_line_in_the_copy_fails_check_six(bundle):
    data = (bundle / "leaves.jsonl").read_bytes()
    (bundle / "leaves.jsonl").write_bytes(data.replace(b"p_ana", b"p_eve", 1))

    assert failing(bundle) == {6}


def test_a_key_outside_its_window_fails_check_nine(bundle):
    (bundle / "vkeys").write_text(f"{VKEY} 0..100\n")
    result = standalone.verify(bundle, [f"{VKEY} 0..100"], [], 288)

    assert {name for name, state in result.state.items() if state == "FAILED"} >= {"9 key windows"}


def test_a_head_of_another_history_among_the_stored_ones_fails_check_three(bundle):
    (bundle / "checkpoints" / "100").write_text(
        sign_note(Checkpoint(ORIGIN, 100, bytes(32)).text, [signer()])
    )

    assert 3 in failing(bundle)


@pytest.mark.parametrize(
    "name", ["SHA256SUMS", "leaves.jsonl", "tile/0/000", "tile/entries/000", "checkpoint", "tile/1/000.p/1"]
)
def test_a_missing_file_is_never_passed_over(bundle, name):
    (bundle / name).unlink()

    assert standalone.verify(bundle, [VKEY], [], 288).exit == standalone.INCOMPLETE


def test_random_mutations_are_judged_right_with_and_without_a_kept_head(tmp_path):
    """The small sister of the campaign that Go judges too (tests/audit/interop)."""
    ground, rng = campaign.Ground(tmp_path, requests=34), random.Random(7)
    for mutation in campaign.MUTATIONS * 2:
        work = tmp_path / "work"
        shutil.copytree(ground.good, work)
        mutation(work, ground, rng)
        for outside in ([], [ground.outside]):
            stands = mutation is campaign.untouched or (
                not outside and mutation in campaign.STANDS_WITHOUT_OUTSIDE_HEAD
            )
            assert campaign.ours_accepts(work, outside) == stands, mutation.__name__
        shutil.rmtree(work)


@pytest.mark.interop
def test_go_judges_five_hundred_mutations_as_we_do(tmp_path):
    program = campaign.build_go(tmp_path)
    if program is None:
        pytest.skip("Debian's golang-go and golang-golang-x-mod-dev are not installed")

    assert sum(campaign.run(500, 5, tmp_path, program).values()) == 500


def test_findings_are_bounded_and_counted():
    result = standalone.Result()
    for n in range(standalone.FINDINGS_MAX + 5):
        result.add(2, str(n))

    assert (len(result.findings), result.dropped) == (standalone.FINDINGS_MAX, 5)
    assert "and 5 more" in standalone.render(result)


# --- proofs


def test_a_proof_of_every_entry_verifies_with_nothing_but_the_key(connection):
    for seq in range(0, 288, 17):
        entry, checkpoint = cli.check_proof(cli.prove(connection, seq), VKEY)
        assert (entry.seq, checkpoint.size) == (seq, 288)


def test_a_proof_of_one_entry_proves_no_other(connection):
    reader = Reader(connection)
    text = reader.proof(5).text

    assert proof.parse(text) == reader.proof(5)
    with pytest.raises(BadProof):
        proof.verify(reader.proof(5), reader.leaf(6), [verifier()], ORIGIN)
    with pytest.raises(BadNote):
        proof.verify(reader.proof(5), reader.leaf(5), [verifier(b"other")], ORIGIN)
    with pytest.raises(BadProof, match="carry"):
        cli.check_proof(reader.proof(5, with_leaf=False).text, VKEY)
    with pytest.raises(NotInLog):
        reader.proof(288)
    with pytest.raises(NotInLog):
        reader.leaf(288)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx",
        "c2sp.org/tlog-proof@v1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx",
        "c2sp.org/tlog-proof@v1\nindices 1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\n!\n\nx",
    ],
)
def test_what_is_no_proof_file_is_refused(text):
    with pytest.raises(BadProof):
        proof.parse(text)


# --- tile names


def test_tile_names_are_those_of_the_specification():
    assert number_path(1234067) == "x001/x234/067"
    assert number_path(0) == "000"
    assert tile_path(0, 5, 256) == "tile/0/005"
    assert tile_path("entries", 1000, 3) == "tile/entries/x001/000.p/3"
    assert list(tiles_of(0)) == []
    assert list(tiles_of(513)) == [(0, 0, 256), (0, 1, 256), (0, 2, 1), (1, 0, 2)]
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    for bad in (b"\x00", b"\x00\x05abc"):
        with pytest.raises(ValueError, match="inside an entry"):
            unbundle(bad)
