"""``/signoff`` and ``/audit``: the words people type, parsed once for every chat platform. Pure.

Decided here: the grammar, its limits, and what a typo is answered with. A parsed command holds strings whose shapes were
checked; what they name may not exist, and whether one may ask is the desk's matter. Deliberately absent: running anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TEXT_CHARS_MAX: Final = 1000
REQUEST: Final = re.compile(r"req_[0-9A-Za-z]{1,40}")
_SEARCH_KEYS: Final = (
    "type",
    "actor",
    "action",
    "resource",
    "outcome",
    "request",
    "since",
    "until",
    "before",
)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,127}")


FORMS: Final = ("jsonl", "csv", "ocsf", "cef", "syslog", "cloudevents", "otel")
"""What ``/audit export`` writes: the names of ``audit.formats.FORMATS``."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FRAMEWORK: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Spec:
    usage: str
    summary: str
    example: str


SPECS: Final[Mapping[str, Mapping[str, Spec]]] = {
    "signoff": {
        "inbox": Spec("inbox", "What waits for you, what your agents asked, what was decided lately.", "inbox"),
        "show": Spec("show ID", "One request as you may see it.", "show req_01jd7m3w9qk2v8x5t4n6b0c1de"),
        "policy": Spec("policy [WORD]", "The rules in words, in order; with WORD those that mention it.", "policy db.export"),
        "freeze": Spec("freeze REASON", "Stop all approvals. Denials still work. For administrators.", "freeze key leaked"),
        "unfreeze": Spec("unfreeze", "Lift the freeze. For administrators, in the console.", "unfreeze"),
        "delegate": Spec(
            "delegate @PERSON until WHEN",
            "Let somebody sit in your groups while you are away (at most 30 days).",
            "delegate @bo until 3d",
        ),
        "link": Spec("link [CODE]", "Link this chat account to your person, with a code from the console.", "link K7QM2WPX4T"),
        "help": Spec("help [COMMAND]", "This list.", "help delegate"),
    },
    "audit": {
        "recent": Spec("recent [before:SEQ]", "The latest entries.", "recent"),
        "show": Spec("show ID", "Every entry of one request, or entry number ID.", "show 4711"),
        "who": Spec("who @PERSON", "What one person did.", "who @ana"),
        "search": Spec(
            "search type:… actor:… action:… resource:… outcome:… request:… since:… until:…",
            "Entries that match every given word.",
            "search type:vote.cast since:2026-11-01",
        ),
        "prove": Spec("prove SEQ", "A proof that entry SEQ is in the log; others can check it without us.", "prove 4711"),
        "export": Spec(
            "export FROM TO FORMAT",
            "Entries as a file. FROM and TO are entry numbers or days; FORMAT is one of " + ", ".join(FORMS) + ".",
            "export 2026-11-01 2026-11-30 jsonl",
        ),
        "gaps": Spec("gaps [before:SEQ]", "What should not be: begins without an end, tries at self-approval, overrides.", "gaps"),
        "report": Spec(
            "report [FRAMEWORK [FROM TO]]",
            "An evidence page for an auditor, of the last 90 days or of the days given; alone, the list of frameworks.",
            "report soc2 2026-07-01 2026-09-30",
        ),
        "head": Spec("head", "How long the log is, and its head's hash.", "head"),
        "verify": Spec("verify", "Check the whole chain now.", "verify"),
        "help": Spec("help [COMMAND]", "This list.", "help search"),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """``family`` and ``name`` are of ``SPECS``. ``words`` are the positional arguments, ``keys`` the ``key:value`` ones."""

    family: str
    name: str
    words: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was typed is no command; ``sentence`` says so in fixed words, ``usage`` how it is written."""

    sentence: str
    usage: str


def parse(family: str, typed: str) -> Command | Mistake:
    """Read what stands behind ``/signoff`` or ``/audit``. Nothing typed is echoed but words of the grammar."""
    specs = SPECS[family]
    if len(typed) > TEXT_CHARS_MAX:
        return Mistake("That is longer than any command.", f"/{family} help")
    tokens = typed.split()
    if not tokens:
        return Command(family, "inbox" if family == "signoff" else "recent")
    name, rest = tokens[0].lower(), tokens[1:]
    if name not in specs:
        return _unknown(family, name)
    if "--help" in rest or "-h" in rest:
        return Command(family, "help", (name,))
    return _arguments(Command(family, name), rest)


def _unknown(family: str, name: str) -> Mistake:
    near = difflib.get_close_matches(name[:40], SPECS[family], n=1, cutoff=0.5)
    if near:
        return Mistake(
            f"There is no such command. Did you mean /{family} {near[0]}?",
            f"/{family} {SPECS[family][near[0]].usage}",
        )
    return Mistake("There is no such command.", f"/{family} help")


def _arguments(command: Command, rest: list[str]) -> Command | Mistake:
    family, name = command.family, command.name
    wrong = Mistake("That is not how this command is written.", f"/{family} {SPECS[family][name].usage}")
    match (family, name, rest):
        case (_, "inbox" | "unfreeze" | "head" | "verify", []):
            return command
        case ("signoff", "show", [id]) if REQUEST.fullmatch(id):
            return Command(family, name, (id,))
        case ("audit", "show", [id]) if REQUEST.fullmatch(id) or _is_count(id):
            return Command(family, name, (id,))
        case (_, "policy", []) | (_, "link", []) | (_, "help", []):
            return command
        case (_, "policy" | "link", [word]) if _WORD.fullmatch(word):
            return Command(family, name, (word,))
        case (_, "help", [word]) if word in SPECS[family]:
            return Command(family, name, (word,))
        case (_, "freeze", [_, *_]):
            return Command(family, name, (" ".join(rest)[:500],))
        case (_, "delegate", [who, "until", *when]) if when:
            return Command(family, name, (who, " ".join(when)))
        case (_, "who", [who]):
            return Command(family, name, (who,))
        case ("audit", "prove", [seq]) if _is_count(seq):
            return Command(family, name, (seq,))
        case ("audit", "export", [start, end, form]):
            return _export(command, start, end, form.lower(), wrong)
        case ("audit", "gaps", [] | [_]):
            keys = _keys(rest)
            return wrong if keys is None or set(keys) - {"before"} else Command(family, name, (), keys)
        case ("audit", "report", []):
            return command
        case ("audit", "report", [framework, *days]) if _FRAMEWORK.fullmatch(framework.lower()):
            if days and not (len(days) == 2 and all(_DAY.fullmatch(day) for day in days)):
                return wrong
            return Command(family, name, (framework.lower(), *days))
        case ("audit", "recent" | "search", _):
            keys = _keys(rest)
            return (
                wrong if keys is None or (name == "search" and not keys) else Command(family, name, (), keys)
            )
        case _:
            return wrong


def _keys(tokens: list[str]) -> dict[str, str] | None:
    """``key:value`` words, each key once, keys of the grammar alone; else None."""
    found: dict[str, str] = {}
    for token in tokens:
        key, separator, value = token.partition(":")
        if not separator or key not in _SEARCH_KEYS or key in found or not value or len(value) > 200:
            return None
        if key == "before" and not _is_count(value):
            return None
        found[key] = value
    return found


def _export(command: Command, start: str, end: str, form: str, wrong: Mistake) -> Command | Mistake:
    """Two entry numbers or two days, and a known format; a mistyped format is answered with the nearest one."""
    if not (all(map(_is_count, (start, end))) or all(map(_DAY.fullmatch, (start, end)))):
        return wrong
    if form not in FORMS:
        near = difflib.get_close_matches(form[:40], FORMS, n=1, cutoff=0.5)
        sentence = "There is no such format." + (f" Did you mean {near[0]}?" if near else "")
        return Mistake(sentence, wrong.usage)
    return Command(command.family, command.name, (start, end, form))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15
