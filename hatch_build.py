"""Builds the optional compiled loops of masking, for wheels and editable installs alike, with the machine's C compiler alone.

``python hatch_build.py`` builds them in place (``make native`` does that). Without a compiler, or where it fails, an
installation goes on without them and ``masking.native.available`` is false; ``SIGNOFF_NATIVE=0`` asks for that,
``SIGNOFF_NATIVE=1`` makes a failure an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "native"
BINARY = ROOT / "masking" / "_native.abi3.so"
FLAGS = (
    "-std=c11", "-O3", "-g0", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wno-missing-field-initializers",
    "-fvisibility=hidden", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
    "-ffp-contract=off",  # the same sums as Python makes, to the last bit
    "-Wl,--build-id=none", "-Wl,-z,relro,-z,now",
)  # fmt: skip


def compile_native(flags: tuple[str, ...] = FLAGS, binary: Path = BINARY) -> str:
    """Why there is no binary, or nothing when it was built."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return "the compiled loops are built for CPython on Linux alone"
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return "no C compiler was found"
    include = sysconfig.get_paths()["include"]
    if not Path(include, "Python.h").exists():
        return "Python's C headers are not installed"
    # Beside the goal and then moved over it: a process that has the old one loaded keeps it whole.
    fresh = binary.with_suffix(".new")
    command = [
        *compiler.split(),
        *flags,
        f"-I{include}",
        *map(str, sorted(SOURCES.glob("*.c"))),
        "-o",
        str(fresh),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        fresh.unlink(missing_ok=True)
        return f"the C compiler failed: {done.stderr.strip()[-400:]}"
    fresh.replace(binary)
    return ""


class NativeBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wish = os.environ.get("SIGNOFF_NATIVE", "")
        if wish == "0":
            return
        problem = compile_native()
        if problem:
            if wish == "1":
                raise RuntimeError(problem)
            self.app.display_warning(f"masking works without its compiled loops: {problem}")
            return
        build_data["artifacts"].append("masking/_native.abi3.so")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


if __name__ == "__main__":
    sys.exit(compile_native() or 0)
