"""Commands write beside the running server: two processes never fork the log (docs/decisions/0005)."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.cli.test_commands import ROOT, answer

WRITER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from bot.cli._local import opened
    from bot.config import load
    from bot.core.ids import person_id

    async def main(folder, name, count):
        async with opened(load(Path(folder), {}), checked=False) as bot:
            for number in range(count):
                await bot.desk.add_person(None, person_id(f"{name}{number}"), name)

    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
""")
EACH = 150


def test_three_processes_that_write_at_once_leave_one_unbroken_chain(tmp_path):
    folder = tmp_path / "s"
    answer("init", folder)
    before = answer("audit", "verify", "--config", folder)["size"]

    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), name, str(EACH)], cwd=ROOT, stderr=subprocess.PIPE
        )
        for name in ("one", "two", "three")
    ]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0, 0], errors
    report = answer("audit", "verify", "--config", folder)
    assert report["exit"] == 0
    assert report["size"] == before + 3 * EACH
    names = {p["person"] for p in answer("people", "list", "--config", folder)}
    assert {f"person:{name}{number}" for name in ("one", "two", "three") for number in range(EACH)} <= names
    assert Path(folder / "data").exists()
