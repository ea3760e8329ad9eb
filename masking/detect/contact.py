"""E-mail addresses, URLs, credentials in URLs.

Sources: RFC 5321 section 4.5.3.1 (lengths), RFC 5322 section 3.2.3 (atext), RFC 6531 (international addresses),
RFC 1035 section 2.3.4 (labels), RFC 3986 section 3.2.1 (userinfo).
"""

from __future__ import annotations

from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer

_EMAIL: Final = r"(?<![\w.+-])[\w](?:[\w.+%&*!#'/=?^~{|}$-]{0,62}[\w+~=_-])?@(?:[\w](?:[\w-]{0,61}[\w])?\.(?=\w)){1,8}+[^\W\d_][\w-]{1,24}(?![\w])"


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

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="email",
        type="EMAIL_ADDRESS",
        patterns=(Pattern(Literals(("@",), before=66, after=260), 0.98, _EMAIL),),
        validator=_email,
        source="RFC 5321, RFC 6531",
        positive=(
            "mail ann@example.org now",
            "<john.doe+tag@company.co.uk>",
            "mario@azienda.italia",
            "x_y-z@a-b.example",
            "JANE.DOE@EXAMPLE.ORG",
        ),
        negative=("not-an-email@", "@alone", "logo@2x.png", "a@b", "user@localhost"),
    ),
    Recognizer(
        name="url-credentials",
        type="URL_CREDENTIALS",
        patterns=(
            Pattern(
                Literals(("://",), before=0, after=300),
                0.999,
                r"://([^\s/?#@:<>\"'\[\]]{0,128}:[^\s/?#<>\"'\[\]]{1,256})@[\w\[]",
                group=1,
            ),
        ),
        source="RFC 3986 section 3.2.1, deprecated there and still everywhere",
        positive=("postgres://app:s3cretPw@db.internal:5432/main", "https://user:pa55@host.example/x"),
        negative=("https://example.org/a:b@c", "http://host:8080/path"),
    ),
    Recognizer(
        name="url",
        type="URL",
        patterns=(
            Pattern(
                Literals(("://",), before=12, after=400),
                0.7,
                r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9+.-]{1,11}://[^\s<>\"'`{}|\\^\[\]()]{1,380}(?<![.,;:!?])",
            ),
            Pattern(
                Literals(("www.",), before=0, after=300),
                0.7,
                r"www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}+(?:[/?#:][^\s<>\"'`]{0,280}(?<![.,;:!?)]))?",
            ),
        ),
        source="RFC 3986",
        positive=("see https://example.org/a?b=c.", "go to www.example.com/x"),
        negative=("std::vector", "a//b"),
    ),
)
