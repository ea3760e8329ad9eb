"""Makes the names model from pinned things alone: python benchmarks/masking_names/make.py TRAINING [--check] [--folder build/model]

``make model`` runs it. TRAINING is the folder of labelled sentences (``shared/masking/train``); its files must be those of ``training.sha256``. A new
environment with ``requirements.txt`` and the wheels of ``training.txt`` come into the folder, everything by its hash; then ``gazetteer.py`` and ``train.py`` run
with no other file in reach (``guarded.py``). The three files go into ``masking/data``; with --check they are only compared with those, byte for byte, and the exit
status is 1 where one differs. The bytes are the same on x86-64 Linux with Python 3.11; another processor may add floating-point numbers in another order.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from inputs import training_files

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT / "masking" / "data"
FILES = ("gazetteer.txt.gz", "names.json.gz", "names.bin")
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
WHEELS = (
    "--no-deps",
    "--only-binary",
    ":all:",
    "--require-hashes",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
)
"""The same wheels whatever machine asks."""
ABIS = ("--abi", "cp311", "--abi", "abi3", "--abi", "none")
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64", "any")


def environment(folder: pathlib.Path) -> pathlib.Path:
    """A new one, with what gazetteer and training need; its Python."""
    env = folder / "env"
    shutil.rmtree(env, ignore_errors=True)
    run(sys.executable, "-m", "venv", env)
    python = env / "bin" / "python"
    run(python, *PIP, "install", "--require-hashes", "-r", ROOT / "requirements" / "app.txt")
    run(python, *PIP, "install", "--require-hashes", "--no-deps", "-r", HERE / "requirements.txt")
    return python


def download(python: pathlib.Path, listed: pathlib.Path, wheels: pathlib.Path) -> None:
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    run(python, *PIP, "download", *WHEELS, *ABIS, *platforms, "--dest", wheels, "-r", listed)


def run(*command: object, **changes: str) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    subprocess.run([str(part) for part in command], check=True, env={**env, **changes})


def made(training: pathlib.Path, folder: pathlib.Path, quick: bool) -> pathlib.Path:
    """The folder with the three files."""
    wheels, out, scratch = folder / "wheels", folder / "out", folder / "tmp"
    shutil.rmtree(out, ignore_errors=True)
    for path in (wheels, out, scratch):
        path.mkdir(parents=True, exist_ok=True)
    python = environment(folder)
    download(python, HERE / "training.txt", wheels)
    reach = os.pathsep.join(str(path) for path in (HERE, ROOT / "masking", training, wheels, out, scratch))
    for script, *arguments in (
        ("gazetteer.py", training, out),
        ("train.py", training, wheels, out, *(["--quick"] if quick else [])),
    ):
        run(python, HERE / "guarded.py", reach, HERE / script, *arguments, TMPDIR=str(scratch))
    return out


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("training", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "model")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; compare with the committed files"
    )
    parser.add_argument("--quick", action="store_true", help="a worse model, for trials")
    parser.add_argument(
        "--held", action="store_true", help="only fetch the wheels to measure false positives on"
    )
    asked = parser.parse_args()
    folder, training = asked.folder.resolve(), asked.training.resolve()
    if asked.held:
        (folder / "wheels").mkdir(parents=True, exist_ok=True)
        download(pathlib.Path(sys.executable), HERE / "held.txt", folder / "wheels")
        return 0
    wrong = training_files(training)
    if wrong:
        print(f"{training} is not the data of training.sha256: {', '.join(wrong)}", file=sys.stderr)
        return 2
    out = made(training, folder, asked.quick)
    same = {name: (out / name).read_bytes() == (DATA / name).read_bytes() for name in FILES}
    for name, is_same in same.items():
        print(f"{name}: {'the same bytes' if is_same else 'differs'}")
    if not asked.check:
        for name in FILES:
            shutil.copyfile(out / name, DATA / name)
    return 0 if all(same.values()) or not asked.check else 1


if __name__ == "__main__":
    sys.exit(main())
