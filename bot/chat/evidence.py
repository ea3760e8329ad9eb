"""``/audit prove | export | gaps | report``: which evidence a command asks for, and the page that carries it.

A platform that takes no files from us gets the way to the console instead of a file (``takes_files``). Deliberately absent: who may
have it, and reading the log: the desk's matters.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from audit.controls import FRAMEWORKS
from bot.chat.commands import SPECS, Command, Mistake
from bot.chat.page import Page, Section, labelled, plain
from bot.chat.view import ButtonView, LeafView, Line, Part, Style, clip, text
from bot.core.preview import Button
from bot.desk.evidence import Evidence, Export, Gaps, Prove, Report, Tile, Wanted

REPORT_DAYS: Final = timedelta(days=90)
PROOF_CHARS_MAX: Final = 2800
"""One block of text; a longer proof goes as a file."""
GAPS_PAGE: Final = 15
COMMANDS: Final = ("prove", "export", "gaps", "report")


def wanted(command: Command, now: datetime) -> Wanted | Mistake:
    """What *command* (one of ``COMMANDS``) asks of the desk. ``report`` alone is not asked of it: see ``frameworks_page``."""
    words = command.words
    usage = f"/audit {SPECS['audit'][command.name].usage}"
    match command.name:
        case "prove":
            return Prove(int(words[0]))
        case "gaps":
            return Gaps()
        case "export" if words[0].isdigit():
            return Export(int(words[0]), int(words[1]), words[2])
        case "export":
            start, end = day(words[0]), day(words[1])
            if start is None or end is None:
                return Mistake("There is no such day.", usage)
            return Export(start, end + timedelta(days=1), words[2])
        case _:
            return _report(words, now, usage)


def _report(words: tuple[str, ...], now: datetime, usage: str) -> Report | Mistake:
    if words[0] not in FRAMEWORKS:
        return Mistake(f"There is no such framework. There are: {', '.join(FRAMEWORKS)}.", usage)
    if len(words) == 1:
        return Report(words[0], now - REPORT_DAYS, now)
    since, until = day(words[1]), day(words[2])
    if since is None or until is None or until < since:
        return Mistake("A day is written 2026-11-23, and the first one comes first.", usage)
    return Report(words[0], since, min(until + timedelta(days=1), now))


def frameworks_page() -> Page:
    rows = tuple((Part(f.key, Style.CODE), Part(f"  {f.name}")) for f in FRAMEWORKS.values())
    return Page("Reports", (Section(rows=rows),), note=f"/audit {SPECS['audit']['report'].usage}")


def page_of(
    asked: Wanted, found: Evidence, *, takes_files: bool, console_url: str, before: int | None
) -> Page:
    """The private answer: what was found, whether it was checked and holds, and the file or the way to it."""
    if isinstance(asked, Gaps):
        return _gaps_page(found, before)
    if isinstance(asked, Prove):
        return _proof_page(found, takes_files=takes_files, url=_url(asked, console_url))
    rows = [
        labelled("Entries", f"{found.count:,} ({found.first} to {found.last})"),
        labelled("File", f"{found.name}, {len(found.content):,} bytes"),
        _checked(found),
    ]
    if found.left_out:
        words = f"{found.left_out:,} entries more do not fit one file: ask again from {found.last + 1}, or use `signoff audit export`."
        rows.append((Part(words, Style.BOLD),))
    title = "Export" if isinstance(asked, Export) else "Report"
    if takes_files:
        return Page(
            title, (Section(rows=tuple(rows)),), note="The file comes to you alone.", files=((found.name, found.content),)
        )  # fmt: skip
    rows.append(plain("Files are not sent here; fetch it in the console."))
    link = ButtonView(Button.OPEN_CONSOLE.value, "Fetch the file", url=_url(asked, console_url))
    return Page(title, (Section(rows=tuple(rows), buttons=(link,)),))


def _proof_page(found: Evidence, *, takes_files: bool, url: str) -> Page:
    proof = found.content.decode()
    head = (labelled("Entry", str(found.first)), _checked(found))
    how = "Check it anywhere: signoff audit check-proof FILE --vkey KEY, or any C2SP tlog-proof verifier."
    if len(proof) <= PROOF_CHARS_MAX:
        block = LeafView("Proof", tuple(proof.rstrip("\n").split("\n")), is_block=True, hidden=False)
        return Page(f"Proof of entry {found.first}", (Section(rows=head, leaves=(block,)),), note=how)
    files = ((found.name, found.content),) if takes_files else ()
    link = () if takes_files else (ButtonView(Button.OPEN_CONSOLE.value, "Fetch the proof", url=url),)
    return Page(
        f"Proof of entry {found.first}", (Section(rows=head, buttons=link),), note=how, files=files
    )  # fmt: skip


def _gaps_page(found: Evidence, before: int | None) -> Page:
    matching = [gap for gap in reversed(found.gaps) if before is None or gap.seq < before]
    shown = matching[:GAPS_PAGE]
    # gaps of one entry stay together, since the cursor is an entry's number
    shown += [gap for gap in matching[GAPS_PAGE:] if gap.seq == shown[-1].seq]
    rows: list[Line] = [
        (
            Part(f"{gap.seq}  ", Style.CODE),
            Part(f"{gap.kind}  ", Style.BOLD),
            Part(clip(text(gap.words), 200)),
            Part(f"  {gap.request}" if gap.request else ""),
        )
        for gap in shown
    ]
    more = f"/audit gaps before:{shown[-1].seq}" if len(matching) > len(shown) else ""
    rows = rows or [plain("Nothing that should not be.")]
    said = f"{found.count:,} in the whole log of {found.last + 1:,} entries"
    said += f"; the oldest {found.left_out:,} are left out" if found.left_out else ""
    return Page("Gaps", (Section(rows=(*rows, _checked(found))),), note=said + ".", more=more)


def _checked(found: Evidence) -> Line:
    verdict = (
        "checked while it was read, and it holds" if found.whole else f"IT DOES NOT HOLD: {found.finding}"
    )
    return labelled("Checked", verdict)


def _url(asked: Wanted, console_url: str) -> str:
    match asked:
        case Prove():
            query = {"what": "prove", "seq": str(asked.seq)}
        case Export():
            query = {
                "what": "export",
                "from": _bound(asked.start),
                "to": _bound(asked.end),
                "format": asked.form,
            }
        case Report():
            query = {
                "what": "report",
                "framework": asked.framework,
                "from": _bound(asked.since),
                "to": _bound(asked.until),
            }
        case Gaps() | Tile():  # neither is a file for people
            query = {"what": "gaps"}
    return f"{console_url}/audit/evidence?{urlencode(query)}"


def _bound(bound: int | datetime) -> str:
    return str(bound) if isinstance(bound, int) else bound.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(words: str) -> datetime | None:
    """The beginning of a day, UTC."""
    try:
        return datetime.strptime(words, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
