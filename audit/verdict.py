"""One verdict over a bundle or a database, for a person and for a program. Small, since what walks a log of any size must be."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audit import standalone
from audit.checkpoint import COSIGNATURE_V1, BadNote, Verifier, open_checkpoint, parse_vkey
from audit.disclosure import KeyWrap
from audit.fsck import NO_EXTERNAL_HEAD, Policies, Progress, verify_database
from audit.reader import Reader
from audit.rotation import followed
from audit.stamps import Tokens
from audit.walk import Exit, Report


@dataclass(frozen=True, slots=True)
class Verdict:
    """*code* is the process's exit code; *text* is for a person, *facts* for ``--json``."""

    code: int
    text: str
    facts: dict[str, Any]


def verify(
    target: Path,
    *,
    vkeys: Sequence[str] = (),
    checkpoints: Sequence[Path] = (),
    expect_size: int | None = None,
    progress: Progress | None = None,
    policies_of: Callable[[sqlite3.Connection], Policies] | None = None,
    processes: int = 1,
    bytes_only: bool = False,
    tokens: Tokens | None = None,
    keks: KeyWrap | None = None,
    no_head: str = "",
) -> Verdict:
    """``signoff audit verify``: a bundle when *target* is a directory, a database when it is a file.

    *vkeys* may hold keys of witnesses. *policies_of* reads from a database the policies that its entries name, *tokens* are its
    time-stamps and *keks* opens its sealed values; a bundle has all of that beside it. *no_head* is what to say, more exactly than that
    none was given, when no head kept outside could be compared."""
    if target.is_dir():
        try:
            result = standalone.verify(
                target, list(vkeys), list(checkpoints), expect_size, progress, processes, bytes_only
            )
        except standalone.Bad as e:
            return Verdict(Exit.USAGE, str(e), {"error": str(e)})
        except (OSError, ValueError, KeyError, sqlite3.Error) as e:
            return Verdict(Exit.INCOMPLETE, f"this is not a bundle that can be read: {e}", {"error": str(e)})
        return Verdict(result.exit, standalone.render(result), json.loads(standalone.as_json(result)))
    try:
        keys = [parse_vkey(v) for v in vkeys]
        verifiers = [key for key in keys if key.algorithm != COSIGNATURE_V1 and key.name == keys[0].name]
    except BadNote as e:
        return Verdict(Exit.USAGE, str(e), {"error": str(e)})
    if checkpoints and not verifiers:
        return Verdict(
            Exit.USAGE, "a head kept outside is believed by its signature: give --vkey", {"error": "no key"}
        )
    if not target.is_file():
        return Verdict(Exit.USAGE, f"there is no bundle or database at {target}", {"error": "not found"})
    connection = sqlite3.connect(f"file:{target}?mode=ro", uri=True, isolation_level=None)
    try:
        known, outside = [*verifiers, *_retired(connection, verifiers)], []
        for path in checkpoints:
            try:
                outside.append(open_checkpoint(standalone.read_head(path), known, verifiers[0].name))
            except (BadNote, OSError, UnicodeDecodeError) as e:
                return Verdict(Exit.USAGE, f"{path}: {e}", {"error": str(e)})
        report = verify_database(
            connection,
            verifiers=verifiers,
            external=outside,
            expect_size=expect_size,
            progress=progress,
            policies=_kept(connection, policies_of),
            processes=processes,
            bytes_only=bytes_only,
            witnesses=[key for key in keys if key not in verifiers],
            tokens=tokens,
            keks=keks,
        )
    finally:
        connection.close()
    if no_head:
        report.notes = [no_head if note == NO_EXTERNAL_HEAD else note for note in report.notes]
    return Verdict(report.exit, render(report), facts_of(report))


def _retired(connection: sqlite3.Connection, verifiers: Sequence[Verifier]) -> list[Verifier]:
    """None where the file cannot be read; the walk will say so."""
    try:
        return followed(verifiers, Reader(connection).rotations())
    except sqlite3.Error:
        return []


def _kept(
    connection: sqlite3.Connection, policies_of: Callable[[sqlite3.Connection], Policies] | None
) -> Policies | None:
    """None where nobody reads policies, or the file cannot be read; the walk will say the second."""
    try:
        return None if policies_of is None else policies_of(connection)
    except sqlite3.Error:
        return None


def render(report: Report) -> str:
    """A database report for a person."""
    lines = [
        f"log     {report.origin or '(empty)'}",
        f"size    {report.size}",
        f"heads   {report.checkpoints} signed heads compared",
    ]
    lines += [f"! {f.check}{'' if f.seq is None else f' (entry {f.seq})'}: {f.text}" for f in report.findings]
    if report.dropped:
        lines.append(f"! and {report.dropped} more")
    lines += [f"- {note}" for note in report.notes]
    verdict = {Exit.OK: "nothing wrong was found", Exit.TAMPERED: "TAMPERED"}.get(
        report.exit, "INCOMPLETE: some of it could not be checked"
    )
    return "\n".join([*lines, verdict])


def facts_of(report: Report) -> dict[str, Any]:
    findings = [asdict(f) | {"exit": int(f.exit)} for f in report.findings]
    return {
        "exit": int(report.exit),
        "origin": report.origin,
        "size": report.size,
        "first": report.first,
        "checkpoints": report.checkpoints,
        "root": report.root.hex(),
        "findings": findings,
        "notes": report.notes,
        "dropped": report.dropped,
    }
