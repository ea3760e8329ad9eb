"""Documentation that cannot rot: generated pages are compared, the README's commands are run, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.docs.generate import PAGES, commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "requirements/README.md"])


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_says_what_the_code_says(name):
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_local_link_leads_somewhere(file):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text())

    missing = [link for link in links if "://" not in link and not (file.parent / link).exists()]
    assert missing == []


def test_every_command_says_what_it_does():
    assert [name for name, command in commands() if not command.help] == []


def test_every_schema_is_named_in_a_document():
    text = "\n".join(file.read_text() for file in MARKDOWN)

    assert [file.name for file in (ROOT / "manifest").glob("*.schema.json") if file.name not in text] == []


def test_every_make_target_that_the_documents_name_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for file in MARKDOWN
        for target in re.findall(r"(?:`|^    )make ([a-z-]+)", file.read_text(), re.MULTILINE)
    }

    assert named <= targets
    assert {
        "demo",
        "test",
        "check",
        "fix",
        "bench",
        "soak",
        "interop",
        "wheel",
        "docs",
        "lock",
        "clean",
    } <= targets


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.slow
def test_the_commands_of_the_readme_work_as_printed(tmp_path):
    """Only the port differs (8080 may be taken), and ``signoff`` is this checkout."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    port = str(_free_port())
    script = (
        "\n".join(blocks).replace("8080", port).replace("signoff init try", f"signoff init try --port {port}")
    )
    script = script.replace(". .venv/bin/activate\n", "")
    tools = tmp_path / "bin"
    tools.mkdir()
    signoff = tools / "signoff"
    signoff.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m bot.cli "$@"\n')
    signoff.chmod(0o755)
    script = "set -eu\nset -m\ntrap 'kill %1 2>/dev/null || true' EXIT\n" + script.replace(
        "kill %1", "curl -s http://127.0.0.1:" + port + "/readyz; kill %1"
    )

    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    answers = [
        json.loads(part)
        for part in re.findall(r"\{\"(?:id|request|grant)\".*?\}(?=\{|\n|$)", done.stdout)
        if _is_json(part)
    ]
    assert '"decided":true' in done.stdout
    assert '"state":"redeemed"' in done.stdout
    assert "nothing wrong was found" in done.stdout
    assert "maria.lopez" not in (tmp_path / "ask.json").read_text()
    assert answers


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|CNRI|Unlicense|Zlib|0BSD)", re.IGNORECASE
)
FILE_COPYLEFT = {"certifi"}
"""MPL-2.0: copyleft for their own files only; used unchanged (docs/decisions/0001)."""


def _names(file: str) -> list[str]:
    return re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements" / file).read_text(), re.MULTILINE)


def _licence(name: str) -> str:
    about = metadata.metadata(name)
    classifiers = [
        line.rpartition("::")[2] for line in about.get_all("Classifier") or () if line.startswith("License")
    ]
    return " ".join([about.get("License-Expression") or "", (about.get("License") or "")[:200], *classifiers])


@pytest.mark.parametrize("file", ["app.txt", "dev.txt", "build.txt"])
def test_t55_every_package_is_pinned_by_hash_and_no_index_is_named(file):
    text = (ROOT / "requirements" / file).read_text()
    lines = [
        line
        for line in text.replace("\\\n", "").splitlines()
        if line.strip() and not line.startswith((" ", "#"))
    ]

    assert lines
    assert all(
        re.match(r"[a-z0-9][a-z0-9._-]*==[^ ]+( ;[^-]+)? +--hash=sha256:[0-9a-f]{64}", line) for line in lines
    )
    assert not re.search(
        r"^\s*(-i|--index-url|--extra-index-url|--find-links|--trusted-host)|https?://", text, re.MULTILINE
    )


@pytest.mark.parametrize("name", _names("app.txt"))
def test_every_runtime_dependency_has_a_permissive_licence(name):
    try:
        licence = _licence(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here (an extra or another platform)")

    assert PERMISSIVE.search(licence) or name in FILE_COPYLEFT, licence
    assert not re.search(r"\b(A?GPL|LGPL)", licence) or PERMISSIVE.search(licence), licence


def test_every_declared_dependency_is_named_with_its_reason():
    text = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(
        r'^  "([a-z0-9-]+)', project.partition("dependencies = [")[2].partition("]\n")[0], re.MULTILINE
    )

    assert [name for name in declared if name not in text] == []
