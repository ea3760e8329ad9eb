"""E-mail addresses, URLs, credentials in URLs.

Sources: RFC 5321 section 4.5.3.1 (lengths), RFC 5322 section 3.2.3 (atext), RFC 6531 (international addresses),
RFC 1035 section 2.3.4 (labels), RFC 3986 section 3.2.1 (userinfo).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

_DOMAIN: Final = re.compile(r"(?:\w(?:[\w-]{0,61}\w)?\.(?=\w)){1,8}+[^\W\d_][\w-]{1,24}(?!\w)")
_LOCAL: Final = b"abcdefghijklmnopqrstuvwxyz0123456789.!#$%&*+/=?^_`{|}~'-" + bytes(
    c for c in range(0xC0, 0x100) if c not in {0xD7, 0xF7}
)
"""Latin-1, lower case; ``?`` stands for every letter beyond (RFC 6531)."""
_REST: Final = re.compile(r"[^\s<>\"'`{}|\\^\[\]()]{1,380}(?<![.,;:!?])")
_USERINFO: Final = re.compile(r"([^\s/?#@:<>\"'\[\]]{0,128}:[^\s/?#<>\"'\[\]]{1,256})@[\w\[]")
_SCHEME: Final = b"abcdefghijklmnopqrstuvwxyz0123456789+.-"
LOCAL_MAX: Final = 64
SCHEME_MAX: Final = 12


def find_emails(view: View) -> list[Span]:
    """From each ``@``: the domain to the right, then the local part to the left."""
    out = []
    low = view.low
    at = low.find(b"@")
    while at >= 0:
        span, step = email_at(view.folded, low, at)
        if span is not None:
            out.append(span)
        at = low.find(b"@", step)
    return out


def email_at(text: str, low: bytes, at: int) -> tuple[Span | None, int]:
    """The address around the ``@`` at *at*, and where to look for the next."""
    match = _DOMAIN.match(text, at + 1)
    if match is not None:
        before = low[max(0, at - LOCAL_MAX) : at]
        start = at - len(before) + len(before.rstrip(_LOCAL))
        while start < at and not text[start].isalnum() and text[start] != "_":
            start += 1
        start = after_key(text, start, at)
        if start < at and text[at - 1] not in ".'" and _email(text[start : match.end()]) is not False:
            return Span(start, match.end(), "EMAIL_ADDRESS", 0.98, "email", "form"), match.end()
    return None, at + 1


def after_key(text: str, start: int, at: int) -> int:
    """Where the local part begins behind a path and a parameter's name: ``user=ann@…``, ``/x?to=ann@…``.

    RFC 5322 allows these signs in it, and mailing lists use them (``bounce-4-ann=example.org@…``): before the sign of a parameter
    stand letters alone, from the beginning or from the sign that ends another.
    """
    start = max(start, text.rfind("/", start, at) + 1, text.rfind("?", start, at) + 1)
    equals = text.rfind("=", start, at)
    if equals > start:
        key = equals
        while key > start and ((text[key - 1].isascii() and text[key - 1].isalpha()) or text[key - 1] == "_"):
            key -= 1
        if key < equals and (key == start or text[key - 1] == "&"):
            start = equals + 1
    while start < at and not text[start].isalnum() and text[start] != "_":
        start += 1
    return start


_SAID_AT: Final = re.compile(
    r" {0,2}(?:\[ ?at ?\]|\( ?at ?\)|\{ ?at ?\}|< ?at ?>) {0,2}(?=[a-z0-9])", re.IGNORECASE
)
_SAID_DOT: Final = (
    r"(?:\.| {0,2}(?:\[ ?(?:dot|\.) ?\]|\( ?(?:dot|\.) ?\)|\{ ?(?:dot|\.) ?\}|< ?(?:dot|\.) ?>| dot ) {0,2})"
)
_SAID_HOST: Final = re.compile(
    rf"[a-z0-9][a-z0-9-]{{0,62}}(?:{_SAID_DOT}[a-z0-9-]{{2,63}}){{1,4}}+(?![\w@])", re.IGNORECASE
)
_SAID_LOCAL: Final = re.compile(r"[a-z0-9_+-]{1,40}(?:\.[a-z0-9_+-]{1,40}){0,3}+", re.IGNORECASE)


def find_said(view: View) -> list[Span]:
    """``ann [at] example [dot] org``: from each bracketed *at* the host to the right, then the local part to the left."""
    return _around(view, _SAID_AT, _said, 0.85, "email-said")


def _around(
    view: View,
    pattern: re.Pattern[str],
    sides: Callable[[str, str], tuple[int, int]],
    score: float,
    rule: str,
) -> list[Span]:
    """Addresses around each match of *pattern*, as far to the left and right as *sides* says."""
    text = view.folded
    out = []
    for at in pattern.finditer(text):
        left, right = at.span()
        local, host = sides(text[max(0, left - LOCAL_MAX) : left], text[right : right + SAID_HOST_MAX])
        if local and host:
            out.append(Span(left - local, right + host, "EMAIL_ADDRESS", score, rule, "form"))
    return out


SAID_HOST_MAX: Final = 380


@lru_cache(maxsize=4096)
def _said(before: str, behind: str) -> tuple[int, int]:
    """How long the local part is at the end of *before*, and the host at the beginning of *behind*; 0: there is none."""
    host = _SAID_HOST.match(behind)
    local = _SAID_LOCAL.match(before[::-1]) if host else None
    return local.end() if local else 0, host.end() if host else 0


_PLAIN_AT: Final = re.compile(r" at (?=[a-z0-9][a-z0-9-]{1,62} dot [a-z])", re.IGNORECASE)
_PLAIN_HOST: Final = re.compile(
    r"[a-z0-9][a-z0-9-]{1,62}(?: dot [a-z0-9-]{2,63}){1,4}+(?![\w@-])", re.IGNORECASE
)
_PLAIN_LOCAL: Final = re.compile(
    r"[a-z0-9_+-]{1,40}(?:(?:\.| (?:tod|erocsrednu|hsad|nehpyh|sulp) )[a-z0-9_+-]{1,40}){0,3}+(?![\w@])",
    re.IGNORECASE,
)
"""The local part read backwards: ``ann dot lee``, ``ann underscore lee``."""
_NOT_LOCAL_WORDS: Final = """
a about above access accessed all also always am an and answer anyone apply are arrive arrived as ask available back based be been being
best better book books buy call chat check click come contact course day deal deals down download downloads each else email employed
engineer even everyone find first for forum found free from good great guy guys had has have he headquarters help her here hi him his home
hosted i in info information is it item job jobs join just later learn least live lived located login look looked looking looks lot mail
manager may me meet meeting member met more much my near new news next night no not now of off offer offered on once one online only open or
order our out over page password people person play please post posted price product products reach read register registered registration
reside role sale sales save see sell she shop shopping shown sign signup site sold someone somewhere speak staff start started stay still
stop store stuff support team test than that the their them there they thing things this those time to today tomorrow tonight too try type
up us use user using video visit was watch watching way we website well were what when where which while who will with work worked worker
working works write you your
"""
_NOT_LOCAL: Final = frozenset(_NOT_LOCAL_WORDS.split())
"""Words that stand before *at* in sentences: ``look at example dot org`` names a site. Who is called so is found by the other forms."""
_TLDS_WORDS: Final = """
com org net edu gov mil int info biz io co ai app dev me tv name cloud email online club xyz site tech example test invalid local eu uk us
ca au nz ie de at ch fr be nl lu it es pt gr pl cz sk hu ro bg si hr rs se no dk fi is ee lv lt ru ua by kz tr il za ng ke eg in pk bd lk cn
hk tw jp kr sg my th ph id vn br mx ar cl pe ae sa ir
"""
_TLDS: Final = frozenset(_TLDS_WORDS.split())
"""The last word of a host that is spelled out: those that people have addresses under."""


def find_spelled(view: View) -> list[Span]:
    """``ann at example dot org``, where both sides fit: a word that no sentence has before *at*, and a host that ends as hosts do."""
    return _around(view, _PLAIN_AT, _spelled, 0.7, "email-spelled")


def find_spelled_at(view: View, places: list[int]) -> list[Span]:
    """As :func:`find_spelled`, where the text says *dot* at all."""
    return find_spelled(view) if places else []


@lru_cache(maxsize=4096)
def _spelled(before: str, behind: str) -> tuple[int, int]:
    """As :func:`_said`."""
    host = _PLAIN_HOST.match(behind)
    if host is None:
        return 0, 0
    words = host[0].lower().split(" dot ")
    if words[-1] not in _TLDS or words[0] in _NOT_HOST or "dot" in words:
        return 0, 0
    local = _PLAIN_LOCAL.match(before[::-1])
    if local is None or local[0][::-1].lower() in _NOT_LOCAL or local[0].strip("+-_") == "":
        return 0, 0
    return local.end(), host.end()


_NOT_HOST: Final = frozenset(
    (
        "www",
        "the",
        "a",
        "an",
        "all",
        "any",
        "least",
        "this",
        "that",
        "our",
        "my",
        "http",
        "https",
        "noon",
        "night",
        "once",
    )
)


def find_urls(view: View) -> list[Span]:
    """From each ``://``: credentials before an ``@``, and the whole URL."""
    out: list[Span] = []
    low = view.low
    at = low.find(b"://")
    while at >= 0:
        spans, step = url_at(view.folded, low, at)
        out += spans
        at = low.find(b"://", step)
    return out


def url_at(text: str, low: bytes, at: int) -> tuple[list[Span], int]:
    """What the ``://`` at *at* belongs to, and where to look for the next."""
    user, rest = _after_scheme(text[at + 3 : at + 3 + AFTER_MAX])
    step = at + 3
    out = [Span(step, step + user, "URL_CREDENTIALS", 0.999, "url-credentials", "form")] if user else []
    before = low[max(0, at - SCHEME_MAX) : at]
    scheme = before[len(before.rstrip(_SCHEME)) :].lstrip(b"0123456789+.-")
    if len(scheme) > 1 and rest:
        step += rest
        out.append(Span(at - len(scheme), step, "URL", 0.7, "url", "form"))
    return out, step


_TEMPLATE: Final = re.compile(
    r"\$[A-Z_][A-Z0-9_]*|\$\{[^}]*\}|\$\([^)]*\)|\{\{?[\w. ]*\}?\}|%s|%\(\w*\)s|\*+"
)
"""What is filled in where the URL is used, or was taken out: ``://user:${TOKEN}@host``, ``://user:***@host``."""
AFTER_MAX: Final = 400
"""Behind the scheme neither credentials nor a URL that is read go further."""


@lru_cache(maxsize=4096)
def _after_scheme(window: str) -> tuple[int, int]:
    """Where in what stands behind ``://`` the credentials end, and where the URL; 0: there are none."""
    userinfo, rest = _USERINFO.match(window), _REST.match(window)
    if userinfo and _TEMPLATE.fullmatch(userinfo[1].partition(":")[2]):
        userinfo = None
    return userinfo.end(1) if userinfo else 0, rest.end() if rest else 0


def _email(value: str) -> bool | None:
    local, _, domain = value.rpartition("@")
    if ".." in local or not domain or "--" in domain.partition(".")[0][:2]:
        return False
    last = domain.rpartition(".")[2].lower()
    # A file or image name behind an @ (logo@2x.png) is no host.
    return None if last not in _NOT_TLD else False


_NOT_TLD: Final = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "css",
        "scss",
        "js",
        "ts",
        "jsx",
        "tsx",
        "json",
        "html",
        "htm",
        "xml",
        "yaml",
        "yml",
        "toml",
        "md",
        "txt",
        "map",
        "woff",
        "woff2",
        "pdf",
    ]
)

TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="email",
        type="EMAIL_ADDRESS",
        find=find_emails,
        needs=("@",),
        own="email",
        own_parts=(_LOCAL, tuple(sorted(_NOT_TLD))),
        source="RFC 5321, RFC 6531",
        positive=(
            "mail ann@example.org now",
            "<john.doe+tag@company.co.uk>",
            "mario@azienda.italia",
            "x_y-z@a-b.example",
            "JANE.DOE@EXAMPLE.ORG",
            "пример@пример.рф",
            "user=ann@example.org",
        ),
        negative=("not-an-email@", "@alone", "logo@2x.png", "a@b", "user@localhost"),
    ),
    TextRule(
        name="email-said",
        type="EMAIL_ADDRESS",
        find=find_said,
        needs=("at]", "at)", "at}", "at>", "at ]", "at )", "at }", "at >"),
        own="said",
        own_parts=(_said,),
        source="RFC 5322 section 3.4.1, written so that harvesters do not read it",
        positive=(
            "write to ann[at]example.org",
            "ann.lee (at) mail (dot) example (dot) org",
            "bo {AT} example.net, please",
        ),
        negative=("meet (at) noon", "look [at] this. Then", "x[at] y", "f(at).value"),
    ),
    TextRule(
        name="email-spelled",
        type="EMAIL_ADDRESS",
        find=find_spelled,
        find_at=find_spelled_at,
        literals=("dot ",),
        source="RFC 5322 section 3.4.1, as it is read aloud: transcripts and chats",
        positive=(
            "write to ann at example dot org",
            "ann dot lee at mail dot example dot co dot uk",
            "it is bo underscore 7 at example dot net, thanks",
            "ANN AT EXAMPLE DOT COM",
        ),
        negative=(
            "meet at noon dot dot dot",
            "look at example dot org",
            "it is available at example dot com",
            "ann at www dot example dot org",
            "shot at the dot com boom",
            "he arrived at seven dot on the line",
            "stare at red dot then blue dot now",
        ),
    ),
    TextRule(
        name="url-credentials",
        type="URL_CREDENTIALS",
        find=find_urls,
        needs=("://",),
        own="url",
        own_parts=(url_at, "URL", "url", "URL_CREDENTIALS"),
        source="RFC 3986 section 3.2.1, deprecated there and still everywhere",
        positive=("postgres://app:s3cretPw@db.internal:5432/main", "https://user:pa55@host.example/x"),
        negative=(
            "std::vector",
            "a//b",
            "://",
            "git clone https://$USER:$TOKEN@git.example/x",
            "git clone https://bo:${TOKEN}@git.example/x",
            "http://bo:***@host.example/x",
        ),
    ),
)

_HOST_ENDS: Final = (
    ".com",
    ".org",
    ".net",
    ".edu",
    ".gov",
    ".co.uk",
    ".ac.uk",
    ".org.uk",
    ".gov.uk",
    ".com.au",
    ".co.jp",
    ".co.in",
    ".com.br",
)
"""Endings that no file and no member of a program has; other bare names need a scheme or ``www.``."""


def host(value: str) -> bool | None:
    """Labels neither empty nor with a hyphen at an end (RFC 1035 section 2.3.1)."""
    name = re.split(r"[:/?#]", value, maxsplit=1)[0]
    return False if ".." in name or "-." in name or ".-" in name else None


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="url-host",
        type="URL",
        patterns=(
            Pattern(
                Literals(_HOST_ENDS, before=80, after=200),
                0.5,
                r"(?<![\w@./\\$%=:-])[A-Za-z0-9][A-Za-z0-9.-]{0,70}\.(?:com|org|net|edu|gov|uk|au|jp|in|br)(?![\w(.@-]|\.[A-Za-z])"
                r"(?:(?::[0-9]{2,5})?[/?#][^\s<>\"'`]{0,180}(?<![.,;:!?)]))?",
            ),
        ),
        validator=host,
        source="RFC 3986; RFC 1035 section 2.3.1; the IANA root zone",
        positive=("go to example.com today", "see docs.example.co.uk/a/b.", "shop.example.net"),
        negative=("user@example.com", "org.example.net.Socket", "self.command", "com.example"),
    ),
    Recognizer(
        name="url-bare",
        type="URL",
        patterns=(
            Pattern(
                Literals(("www.",), before=0, after=300),
                0.7,
                r"www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}+(?:[/?#:][^\s<>\"'`]{0,280}(?<![.,;:!?)]))?",
            ),
        ),
        source="RFC 3986",
        positive=("go to www.example.com/x",),
        negative=("the www is wide",),
    ),
)
