"""What ``make interop-audit`` runs: everybody else's verdict on our export."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.interop import judges

pytestmark = [pytest.mark.interop, pytest.mark.timeout(1200)]

PYPI = ("tlog-scales==0.0.3", "ocsf-json-schema==1.2.0", "jsonschema", "cryptography", "dilithium-py==1.5.1")
NPM = "@sigstore/verify@4.1.3"


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> tuple[Path, Path]:
    """A virtual environment and a node_modules with the outside tools, made anew."""
    root = tmp_path_factory.mktemp("outside")
    steps = [
        [sys.executable, "-m", "venv", str(root / "venv")],
        [str(root / "venv/bin/pip"), "install", "--quiet", *PYPI],
        ["npm", "install", "--silent", "--prefix", str(root / "node"), NPM],
    ]
    for step in steps:
        if shutil.which(step[0]) is None:
            pytest.skip(f"{step[0]} is not installed")
        run = subprocess.run(step, capture_output=True, text=True, check=False)
        if run.returncode:
            pytest.skip(f"{' '.join(step[:3])} … does not work here: {run.stderr[-300:]}")
    return root / "venv", root / "node" / "node_modules"


def test_every_outside_judge_accepts_the_good_log_and_rejects_the_broken_one(outside, monkeypatch, capsys):
    venv, node = outside
    monkeypatch.setattr(
        sys, "argv", ["judges", "--venv", str(venv), "--node", str(node), "--mutations", "300"]
    )

    code = judges.main()

    out = capsys.readouterr().out
    assert "FAILED" not in out, out
    assert code == 0, out
