"""What chat answers in private: a page of literal lines, the same for every platform. Pure.

Decided here: the model and its bounds. A page never holds markup; long answers are cut into pages by whoever makes them, and
what is cut is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bot.chat.view import ButtonView, LeafView, Line, Part, Style

ROWS_MAX = 40
"""Rows of a section: one Slack rich_text block and one Teams container each stay well inside their limits."""
SECTIONS_MAX = 12


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, its rows, and buttons that belong to it (an inbox item)."""

    heading: str = ""
    rows: tuple[Line, ...] = ()
    leaves: tuple[LeafView, ...] = ()
    buttons: tuple[ButtonView, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """``more`` is the command that gives the next page; ``note`` stands last (chain state, what was left out)."""

    title: str
    sections: tuple[Section, ...] = ()
    note: str = ""
    more: str = ""
    files: tuple[tuple[str, bytes], ...] = field(default=())

    @property
    def fallback(self) -> str:
        return self.title


def plain(*texts: str) -> Line:
    """A line of plain parts."""
    return tuple(Part(text) for text in texts if text)


def labelled(label: str, value: str) -> Line:
    return (Part(label, Style.BOLD), Part(" " + value))


def note(title: str, *sentences: str) -> Page:
    """A short private answer: a refusal, a confirmation."""
    return Page(title, (Section(rows=tuple(plain(sentence) for sentence in sentences)),))


def fold(page: Page) -> Page:
    """*page* within the bounds; what is left out is said in the note."""
    sections = page.sections[:SECTIONS_MAX]
    left_out = sum(len(section.rows) for section in page.sections[SECTIONS_MAX:])
    kept = []
    for section in sections:
        left_out += max(0, len(section.rows) - ROWS_MAX)
        kept.append(replace(section, rows=section.rows[:ROWS_MAX]))
    said = f"{left_out} lines are left out here; open the console for all of them." if left_out else ""
    return Page(page.title, tuple(kept), " ".join(filter(None, (page.note, said))), page.more, page.files)


def parts_text(line: Line) -> str:
    return "".join(part.text for part in line)


def as_text(page: Page) -> str:
    """The page for a terminal or a plain message."""
    out = [page.title]
    for section in page.sections:
        if section.heading:
            out += ["", section.heading]
        out += [parts_text(row) for row in section.rows]
    out += [line for line in (page.note, f"More: {page.more}" if page.more else "") if line]
    return "\n".join(out)
