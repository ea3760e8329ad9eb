"""Reading many entries at once: by the form of an entry that was read with all care before.

A log holds few kinds of entry. So an entry is taken apart and checked in full once, and from what it was a *form* is
made: a pattern that matches exactly those canonical bytes which have the same members in the same order. An entry that
fits is canonical (RFC 8785, ASCII, no floats, integers within 2**53-1), has no member twice and none unknown, and its values
are read from the match; the rest (numbers, ``prev``, times) is then compared a whole part at a time.

Nothing is reported here. A part is either clean in every respect or it is *not taken*, and whoever asked goes
through it entry by entry, in code of its own that knows nothing of forms, and says what is wrong. So what this file
refuses without cause costs time and nothing else; what it accepts, the careful code must accept as well
(``tests/audit/test_bulk.py``).

Needs nothing beyond the standard library: this file's text is part of the stand-alone verifier in every bundle.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from operator import le
from typing import Any, Final

from audit.semantics import Row, matters

FORMS_MAX: Final = 64
"""Forms kept of one kind of entry. A log with more is not written by us, and is read entry by entry."""

KINDS_MAX: Final = 256

SECONDS_MAX: Final = 4096

LENGTH_MAX: Final = 65_535

TEXT: Final = r"[ !#-\[\]-~]*+"
"""Printable ASCII that JSON writes as itself: no quote, no backslash. Possessive, since only a quote can end it."""

SOME: Final = TEXT.replace("*+", "++")
"""The same, but for the empty text, which is left to the careful code where the value is used."""

NUMBER: Final = r"(?:0|-?[1-9][0-9]{0,14}|-?[1-8][0-9]{15})"
"""Integers that are within 2**53-1 by their length; the few others of sixteen digits are left to the careful code."""

LIST: Final = rf'\[(?:"{TEXT}"(?:,"{TEXT}")*|{NUMBER}(?:,{NUMBER})*)?\]'
TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
DIGEST: Final = "[A-Za-z0-9_-]{43}"
NEVER: Final = "((?!))?"
"""A group for what an entry of this form does not have."""

LITERAL: Final = frozenset({("log",), ("type",), ("v",), ("act", "kind")})
COLUMNS: Final[tuple[tuple[str, ...], ...]] = (
    ("seq",),
    ("prev",),
    ("ts",),
    ("req",),
    ("act", "ref"),
    ("data", "action"),
    ("data", "resource"),
    ("outcome",),
)
VOTE: Final[tuple[tuple[str, ...], ...]] = (
    ("req",),
    ("id",),
    ("act", "ref"),
    ("data", "choice"),
    ("data", "groups"),
    ("data", "payload_hash"),
    ("data", "account_ref"),
)
CAPTURED: Final = frozenset({*COLUMNS, *VOTE, ("tool", "id"), ("pol", "hash")})
MUST: Final = {("seq",): NUMBER, ("prev",): DIGEST, ("ts",): TIME}
_KIND: Final = ',"type":"'
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - both sides of the one subtraction are without a zone

Run = tuple[dict[str, list[Row]], dict[str, int]]
"""Votes that follow one another: by request; and by policy the first entry that names it."""


@dataclass(frozen=True, slots=True)
class Form:
    """*places*, *vote* and *policy* say which groups of the match hold ``COLUMNS``, ``VOTE`` and the policy's hash, of which
    the replay only notes who named it first. *replayed*: it needs the whole entry."""

    kind: str
    match: Callable[[str], re.Match[str] | None]
    places: tuple[int, ...]
    vote: tuple[int, ...] | None
    policy: int | None
    commitments: int
    replayed: bool


@dataclass(slots=True)
class Clean:
    """What a clean part says: columns as ``COLUMNS`` names them, and what the replay needs of it."""

    kinds: list[str]
    columns: list[tuple[Any, ...]]
    times_us: list[int]
    last_ts: str
    steps: list[tuple[int, Any]]
    commitments: int


@dataclass(slots=True)
class Forms:
    """The forms of one log's entries. *read* is the careful reader: the object of these very bytes, or None."""

    origin: str
    read: Callable[[bytes], dict[str, Any] | None]
    columns: int = len(COLUMNS)
    """How many of ``COLUMNS`` are wanted; the chain takes the first three."""
    known: dict[str, list[Form]] = field(default_factory=dict)
    seconds: dict[str, int] = field(default_factory=dict)

    def part(
        self, leaves: Sequence[bytes], digests: Sequence[bytes], first: int, prev: bytes | None, last_ts: str
    ) -> Clean | None:
        """The entries *leaves*, whose hashes are *digests*, if they are clean and continue what ends with *prev* and *last_ts*."""
        fits = self._fits(leaves) if leaves and max(map(len, leaves)) <= LENGTH_MAX else None
        if not fits:
            return None
        columns = list(zip(*[fit.group(*form.places) for form, fit in fits], strict=True))
        times = self._times(columns[2], last_ts)
        if times is None or not _continues(columns, digests, first, prev):
            return None
        try:
            steps = _steps(fits, first)
        except ValueError:
            return None
        kinds = [form.kind for form, _ in fits]
        return Clean(kinds, columns, times, columns[2][-1], steps, sum(form.commitments for form, _ in fits))

    def _fits(self, leaves: Sequence[bytes]) -> list[tuple[Form, re.Match[str]]] | None:
        """Each entry with its form; most have that of the one before."""
        found: list[tuple[Form, re.Match[str]]] = []
        form: Form | None = None
        for leaf in leaves:
            if not leaf.isascii():
                return None
            text = str(leaf, "ascii")
            fits = form.match(text) if form is not None else None
            if form is None or fits is None:
                form, fits = self._find(text, leaf)
                if form is None or fits is None:
                    return None
            found.append((form, fits))
        return found

    def _find(self, text: str, leaf: bytes) -> tuple[Form | None, re.Match[str] | None]:
        key = text[text.rfind(_KIND) :]
        forms = self.known.get(key)
        if forms is None:
            if len(self.known) >= KINDS_MAX:
                return None, None
            forms = self.known[key] = []
        for n, form in enumerate(forms):
            fits = form.match(text)
            if fits is not None:
                if n:
                    forms.insert(0, forms.pop(n))
                return form, fits
        body = self.read(leaf) if len(forms) < FORMS_MAX else None
        learned = form_of(body, self.origin, self.columns) if body is not None else None
        fits = learned.match(text) if learned is not None else None
        if learned is None or fits is None:
            return None, None
        forms.insert(0, learned)
        return learned, fits

    def _times(self, times: Sequence[str], last_ts: str) -> list[int] | None:
        """Microseconds since 1970, if each is a time and none is before the last."""
        if not all(map(le, (last_ts, *times), times)):
            return None
        if len(self.seconds) > SECONDS_MAX:
            self.seconds.clear()
        seconds, found = self.seconds, []
        for time in times:
            second = time[:19]
            us = seconds.get(second)
            if us is None:
                try:
                    past = datetime.fromisoformat(second) - _EPOCH
                except ValueError:
                    return None
                us = seconds[second] = (past.days * 86_400 + past.seconds) * 1_000_000
            found.append(us + int(time[20:26]))
        return found


REPLAYED: Final = ("type", "req", "act", "outcome", "data", "pol", "ts", "id")
"""What of an entry the replay reads."""


def form_of(body: Mapping[str, Any], origin: str, columns: int = len(COLUMNS)) -> Form | None:
    """The form of the canonical entry *body*; None when it is one that the careful code must look at."""
    kind = body.get("type")
    if body.get("v") != 1 or body.get("log") != origin or kind == "key.rotated" or type(kind) is not str:
        return None
    committed = body.get("c", {})
    if type(committed) is not dict:
        return None
    groups: dict[tuple[str, ...], int] = {}
    pattern = _pattern(body, (), groups)
    if pattern is None or not groups.keys() >= MUST.keys():
        return None
    never = len(groups) + 1
    places = [groups.get(path, never) for path in COLUMNS]
    if ("data", "action") not in groups:
        places[5] = groups.get(("tool", "id"), never)
    vote, policy = None, groups.get(("pol", "hash"))
    if policy is None and "pol" in body:
        return None
    if kind == "vote.cast":
        if policy is None or not groups.keys() >= {*VOTE[:-1]} or body["act"].get("kind") != "human":
            return None
        vote = tuple(groups.get(path, never) for path in VOTE)
    return Form(
        kind,
        re.compile(pattern + NEVER).fullmatch,
        tuple(places[:columns]),
        vote,
        policy,
        len(committed),
        replayed=matters(kind),
    )


def _pattern(value: object, path: tuple[str, ...], groups: dict[tuple[str, ...], int]) -> str | None:
    """What matches *value* and its like; None when there is no saying. Groups are numbered as they open."""
    if path in LITERAL:
        written = json.dumps(value)
        return re.escape(written) if type(value) in (str, int) and _plain(written.strip('"')) else None
    if type(value) is dict:
        parts = []
        for key, inner in value.items():
            part = _pattern(inner, (*path, key), groups) if _plain(key) else None
            if part is None:
                return None
            parts.append(f'"{re.escape(key)}":{part}')
        return r"\{" + ",".join(parts) + r"\}"
    part = _leaf(value)
    if part is None:
        return None
    if path in MUST:
        part = MUST[path] if type(value) is int else f'"({MUST[path]})"'
        if (path == ("seq",)) != (type(value) is int):
            return None
        groups[path] = len(groups) + 1
        return f"({part})" if type(value) is int else part
    if path not in CAPTURED:
        return part
    if (path == ("data", "groups")) != (type(value) is list) or type(value) not in (str, list):
        return None
    groups[path] = len(groups) + 1
    return f"({part})" if type(value) is list else f'"({SOME})"'


def _leaf(value: object) -> str | None:
    if value is True or value is False:
        return "(?:true|false)"
    if value is None:
        return "null"
    if type(value) is int:
        return NUMBER
    if type(value) is str:
        return f'"{TEXT}"'
    return LIST if type(value) is list else None


def _plain(text: str) -> bool:
    return re.fullmatch(SOME, text) is not None


def _steps(fits: Sequence[tuple[Form, re.Match[str]]], first: int) -> list[tuple[int, Any]]:
    """What the replay needs: entries that it must see whole, and between them runs of votes and of policies named."""
    steps: list[tuple[int, Any]] = []
    same: dict[str, str] = {}
    share = same.setdefault
    groups: dict[str, tuple[str, ...]] = {}
    run: Run | None = None
    for seq, (form, fit) in enumerate(fits, first):
        if form.replayed and form.vote is None:
            body, run = json.loads(fit[0]), None
            steps.append((seq, {k: body[k] for k in REPLAYED if k in body}))
            continue
        if form.policy is None:
            continue
        if run is None:
            run = {}, {}
            steps.append((seq, run))
        policy = fit[form.policy]
        policy = share(policy, policy)
        run[1].setdefault(policy, seq)
        if form.vote is not None:
            request, id, person, choice, named, payload, account = fit.group(*form.vote)
            if named not in groups:
                groups[named] = _texts(named)
            vote = (
                seq, id, share(person, person), share(choice, choice), groups[named], share(payload, payload), policy, account,
            )  # fmt: skip
            votes = run[0].get(request)
            if votes is None:
                run[0][request] = [vote]
            else:
                votes.append(vote)
    return steps


def _texts(groups: str) -> tuple[str, ...]:
    names = json.loads(groups)
    if not all(type(name) is str for name in names):
        raise ValueError("groups are names")
    return tuple(names)


def _continues(
    columns: Sequence[tuple[Any, ...]], digests: Sequence[bytes], first: int, prev: bytes | None
) -> bool:
    """Each entry says its own place, and the hash of the one before."""
    if list(columns[0]) != list(map(str, range(first, first + len(digests)))):
        return False
    named, before = columns[1], [prev or b"", *digests[:-1]]
    if prev is None:
        named, before = named[1:], before[1:]
    # 33 bytes are 44 letters, so that one call writes all of them: of each, the last letter stands for the byte between.
    letters = urlsafe_b64encode(b"\0".join([*before, b""])).decode("ascii")
    return "A".join([*named, ""]) == letters


class Tree:
    """The Merkle tree over a part that begins at a multiple of 256, from its hashes."""

    def __init__(self, stack: Sequence[bytes], first: int, digests: Sequence[bytes]) -> None:
        self.first, self.size = first, first + len(digests)
        self.rows = [_levels(list(digests[at : at + 256])) for at in range(0, len(digests), 256)]
        self.stacks = [list(stack)]
        """The right edge before each row."""
        for n, row in enumerate(self.rows):
            if len(row[0]) == 256:
                self.stacks.append(_merged(self.stacks[-1], first // 256 + n, row[8][0]))

    @property
    def roots(self) -> list[bytes]:
        return [row[8][0] for row in self.rows if len(row[0]) == 256]

    @property
    def tail(self) -> list[bytes]:
        return self.rows[-1][0] if self.rows and len(self.rows[-1][0]) < 256 else []

    def stack_at(self, size: int) -> list[bytes]:
        """The right edge of the tree of *size*, which lies in this part or where it begins."""
        n, rest = divmod(size - self.first, 256)
        stack, at = list(self.stacks[n]), 0
        for level in range(8, -1, -1):
            if rest >> level & 1:
                stack.append(self.rows[n][level][at >> level])
                at += 1 << level
        return stack


def _levels(row: list[bytes]) -> list[list[bytes]]:
    levels = [row]
    while len(row) > 1:
        row = [sha256(b"\x01" + a + b).digest() for a, b in zip(row[::2], row[1::2], strict=False)]
        levels.append(row)
    return levels


def _merged(stack: Sequence[bytes], index: int, node: bytes) -> list[bytes]:
    """*stack* with the root of tile *index* on the right edge."""
    stack = list(stack)
    while index & 1:
        node = sha256(b"\x01" + stack.pop() + node).digest()
        index >>= 1
    stack.append(node)
    return stack


def hashes(leaves: Sequence[bytes]) -> list[bytes]:
    return [sha256(b"\0" + leaf).digest() for leaf in leaves]
