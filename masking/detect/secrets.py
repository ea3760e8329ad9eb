"""Secrets that show by their structure: key blocks, JWTs, credentials in URLs and headers, cookies, password hashes."""

from __future__ import annotations

import base64
import binascii
import re

from masking.detect.secrets_table import TYPE, placeholder, random_looking, token, wordy
from masking.recognizer import Pattern, Recognizer, starting
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

_BODY = r"(?:[^-]|-(?!----))"
_HEAD = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_RUN = re.compile(r"[A-Za-z0-9+/=]{32,}")


def key_block(text: str) -> bool | None:
    """A key block that holds a key: at least one run of base64; an ellipsis between the lines is documentation."""
    return None if _KEY_RUN.search(text) else False


_FILL_NAMES = frozenset(
    {"user", "username", "login", "name", "usr", "admin", "foo", "me", "id", "uid", "usuario"}
)
_FILL_WORDS = frozenset(
    {"pass", "password", "passwd", "pwd", "pw", "secret", "bar", "token", "key", "xxx", "contraseña"}
)


def url_credentials(text: str) -> bool | None:
    """``user:password`` of a URL: refused where both are the words of a manual, or either is a template."""
    user, _, secret = text.partition(":")
    if (
        placeholder(secret)
        or user.startswith(("$", "{", "%"))
        or secret.startswith(("$", "{", "<", "%s", "["))
        or len(secret) < 2
    ):
        return False
    return False if secret.lower() in _FILL_WORDS and user.lower() in _FILL_NAMES else None


def cookie_value(text: str) -> bool | None:
    """A session cookie's value: random, with a digit in it."""
    return random_looking(text) if any(char.isdigit() for char in text) else False


def header_value(text: str) -> bool | None:
    """What stands after Bearer or Token: not a placeholder and not a word."""
    if placeholder(text) or len(set(text)) < 4 or wordy(text):
        return False
    return None if any(char.isdigit() for char in text) or len(text) >= 24 else False


def basic_value(text: str) -> bool | None:
    """RFC 7617: base64 of ``user:password``."""
    try:
        return None if b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True) else False
    except (binascii.Error, ValueError):
        return False


def _sample(
    seed: int, length: int, alphabet: str = "abcdefghijkmnpqrstuvwyzABCDEFGHJKLMNPQRSTUVWYZ23456789"
) -> str:
    return "".join(
        alphabet[(seed * 31 + place * place * 17 + place * 7) % len(alphabet)] for place in range(length)
    )


def _pem(kind: str, *, line: str = "\n") -> str:
    dashes = "-" * 5
    body = line.join(_sample(n + 3, 64) for n in range(4))
    return f"{dashes}BEGIN {kind}{dashes}{line}{body}{line}{dashes}END {kind}{dashes}"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0", _sample(5, 43)))
_COOKIES = (
    *(
        "sessionid=",
        "session_id=",
        "phpsessid=",
        "jsessionid=",
        "connect.sid=",
        "asp.net_sessionid=",
        ".aspxauth=",
        "session=",
    ),
    *(
        "laravel_session=",
        "remember_token=",
        "csrftoken=",
        "xsrf-token=",
        "_session=",
        "sid=",
        "__host-session=",
        "auth=",
    ),
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="secret/private-key",
        type=TYPE,
        patterns=(
            Pattern(
                starting(("-----begin",), 0, 20_100),
                0.99,
                rf"{_HEAD}{_BODY}{{40,20000}}+-----END [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----",
            ),
            Pattern(
                starting(("-----begin",), 0, 4_200),
                0.95,
                rf"{_HEAD}(?:\s|\\[nr]){{0,8}}[A-Za-z0-9+/=]{{40,80}}[A-Za-z0-9+/=\s\\]{{0,4000}}+",
            ),
        ),
        source="RFC 7468, RFC 5958, RFC 9580; OpenSSH PROTOCOL.key",
        positive=(
            _pem("RSA PRIVATE KEY"),
            _pem("OPENSSH PRIVATE KEY"),
            _pem("PGP PRIVATE KEY BLOCK"),
            '{"private_key": "' + _pem("PRIVATE KEY", line="\\n") + '\\n"}',
            _pem("EC PRIVATE KEY")[:180],
        ),
        negative=(
            _pem("CERTIFICATE"),
            _pem("PUBLIC KEY"),
            "-" * 5 + "BEGIN PRIVATE KEY" + "-" * 5 + "\n...\n" + "-" * 5 + "END PRIVATE KEY" + "-" * 5,
        ),
        validator=key_block,
    ),
    Recognizer(
        name="secret/putty-private-key",
        type=TYPE,
        patterns=(
            Pattern(
                starting(("putty-user-key-file",), 0, 4_100),
                0.99,
                r"PuTTY-User-Key-File-[23]:(?:[^P]|P(?!rivate-MAC|uTTY)){20,4000}+Private-MAC: [a-f0-9]{40,64}",
            ),
        ),
        source="PuTTY user manual, appendix C: PPK file format",
        positive=(
            f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n{_sample(1, 64)}\nPrivate-MAC: {_sample(2, 64, '0123456789abcdef')}",
        ),
        negative=("PuTTY-User-Key-File-3: described in the manual",),
    ),
    token(
        "ssh-private-body",
        "b3blbnnzac1rzxktdje",
        r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]{60,4000}",
        "OpenSSH PROTOCOL.key: base64 of the magic",
    ),
    Recognizer(
        name="secret/jwt",
        type=TYPE,
        patterns=(
            Pattern(
                starting(
                    (
                        "eyjhbgci",
                        "eyj0exai",
                        "eyjraWQi".lower(),
                        "eyjqa3ui",
                        "eyjjdhki",
                        "eyjlbmmi",
                        "eyj4nx",
                        "eyjh",
                        "ewog",
                    ),
                    0,
                    4_000,
                ),
                0.95,
                r"(?<![A-Za-z0-9_-])(?:eyJ|ewog)[\w-]{10,500}+\.[\w-]{10,2600}+\.[\w-]{0,700}+(?:\.[\w-]{10,200}\.[\w-]{10,60})?",
            ),
        ),
        source="RFC 7519, RFC 7515, RFC 7516: base64url JSON header, parts joined by dots",
        positive=(f"token {_JWT} sent", f"Cookie: a={_JWT}"),
        negative=("eyJhbGci is how they begin", "eyJ.eyJ.x"),
    ),
    Recognizer(
        name="secret/authorization-header",
        type=TYPE,
        patterns=(
            Pattern(
                starting(("authorization",), 0, 1_100),
                0.9,
                r"(?i:authorization)[\"'\\\]]{0,3}\s{0,3}[:=,]\s{0,3}[\"'`\\]{0,3}(?i:(?:bearer|token|apikey|api-key|key|bot|jwt|splunk|genieke?y|sso-key|ssws|oauth)\s{1,3})?([\w.~+/=:|!-]{8,1000})",
                1,
            ),
            Pattern(
                starting(("bearer",), 0, 1_010),
                0.85,
                r"(?i:bearer)[ :=]{1,3}[\"']?([\w.~+/=|!-]{16,1000})",
                1,
            ),
        ),
        source="RFC 9110 section 11.6.2, RFC 6750: Authorization and Bearer",
        positive=(
            f"Authorization: Bearer {_sample(7, 40)}",
            f'-H "Authorization: token {_sample(8, 40)}"',
            f"authorization: {_sample(9, 32)}",
        ),
        negative=(
            "Authorization: Bearer <your-token>",
            "authorization: required",
            "Authorization: Bearer ${TOKEN}",
            "the bearer of this letter",
        ),
        validator=header_value,
    ),
    Recognizer(
        name="secret/basic-header",
        type=TYPE,
        patterns=(
            Pattern(starting(("basic ",), 0, 520), 0.9, r"(?i:basic) ([A-Za-z0-9+/]{8,500}={0,2})", 1),
        ),
        source="RFC 7617, Basic HTTP authentication",
        positive=("Authorization: Basic " + _b64("asha:correct-horse-9"),),
        negative=("basic authentication is used", "Basic " + "programming"),
        validator=basic_value,
    ),
    Recognizer(
        name="secret/url-credentials",
        type="URL_CREDENTIALS",
        patterns=(
            Pattern(
                starting(("://",), 0, 310),
                0.95,
                r"://([^\s/?#:@\"'<>`\\]{0,100}:[^\s/?#@\"'<>`\\]{1,200})@[\w.\[\-${%]",
                1,
            ),
        ),
        source="RFC 3986 section 3.2.1, user information",
        positive=(
            "postgres://app:" + _sample(4, 12) + "@db.example.org:5432/app",
            "redis://:" + _sample(6, 10) + "@cache:6379",
            "https://asha:" + "s3cr" + "et!@example.org/x",
            "mongodb+srv://svc:" + _sample(2, 9) + "@c0.example.net/",
        ),
        negative=(
            "https://example.org:8080/a@b",
            "ftp://<user>:<password>@host",
        ),
        validator=url_credentials,
    ),
    Recognizer(
        name="secret/session-cookie",
        type=TYPE,
        patterns=(
            Pattern(
                starting(_COOKIES, 0, 620),
                0.8,
                rf"(?i:{'|'.join(map(re.escape, _COOKIES))})[\"']?([\w%.~+/:-]{{16,600}})",
                1,
            ),
        ),
        source="RFC 6265, Cookie and Set-Cookie; frameworks' default session names",
        positive=(f"Set-Cookie: sessionid={_sample(2, 32)}; HttpOnly", f"Cookie: PHPSESSID={_sample(4, 26)}"),
        negative=("sid=the-quick-brown-fox-jumps",),
        validator=cookie_value,
    ),
    Recognizer(
        name="secret/password-hash",
        type=TYPE,
        patterns=(
            Pattern(
                starting(
                    (
                        "$2a$",
                        "$2b$",
                        "$2y$",
                        "$1$",
                        "$5$",
                        "$6$",
                        "$y$",
                        "$apr1$",
                        "$argon2",
                        "pbkdf2_sha256$",
                        "{ssha}",
                    ),
                    0,
                    260,
                ),
                0.85,
                r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$(?:[156y]|apr1)\$[^\s$:]{1,40}\$(?:[./A-Za-z0-9]{2,60}\$)?[./A-Za-z0-9]{22,86}"
                r"|\$argon2i?d?\$v=[0-9]{2}\$m=[0-9,tp=]{5,40}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{16,120}"
                r"|pbkdf2_sha256\$[0-9]{3,9}\$[A-Za-z0-9]{6,40}\$[A-Za-z0-9+/=]{40,50}|(?i:\{ssha\})[A-Za-z0-9+/=]{28,60}",
            ),
        ),
        source="crypt(5): hashing methods; RFC 9106; RFC 2307: password hashes can be attacked off line",
        positive=(f"root:$6$ab12cd34${_sample(1, 86)}:19000:0", f"hash $2b$12${_sample(9, 53)}"),
        negative=("costs $5$ or $6$ each",),
    ),
)

_MANIFEST = re.compile(rb"(?m)^[ \t]{0,8}kind:[ \t]{1,4}[\"']?secret[\"']?[ \t]*\r?$")
_DATA = re.compile(r"(?m)^[ \t]{0,8}(?:data|stringData):[ \t]*\r?$")
_ENTRY = re.compile(
    r"([ \t]{1,12})[\w.-]{1,120}:[ \t]{1,4}(?:[\"']([^\"'\n]{3,4000})[\"']|([^\s\"'|>{&*#-][^\n#]{2,4000}?))[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)"
)
MANIFEST_CHARS_MAX = 16_000
ENTRIES_MAX = 200


def find_manifest(view: View) -> list[Span]:
    """The values below ``data:`` and ``stringData:`` of each Kubernetes Secret: whatever they look like, that is what they are."""
    out: list[Span] = []
    text = view.folded
    done = 0
    for match in _MANIFEST.finditer(view.low):
        if match.start() < done:  # in the stretch of an earlier one, which was read whole
            continue
        start = max(text.rfind("\n---", max(0, match.start() - MANIFEST_CHARS_MAX), match.start()), done)
        stop = text.find("\n---", match.end(), match.end() + MANIFEST_CHARS_MAX)
        stop = stop if stop >= 0 else min(len(text), match.end() + MANIFEST_CHARS_MAX)
        for block in _DATA.finditer(text, start, stop):
            _entries(text, block.end() + 1, stop, out)
        done = stop
    return out


def _entries(text: str, at: int, stop: int, out: list[Span]) -> None:
    for _ in range(ENTRIES_MAX):
        entry = _ENTRY.match(text, at, stop)
        if entry is None:
            return
        group = 2 if entry[2] else 3
        if not placeholder(entry[group]) and not entry[group].startswith(("$", "{", "<")):
            out.append(Span(*entry.span(group), TYPE, 0.9, "secret/kubernetes", "stands in a Secret's data"))
        at = entry.end()


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="secret/kubernetes",
        type=TYPE,
        find=find_manifest,
        needs=("kind:",),
        source="kubernetes.io/docs/concepts/configuration/secret",
        positive=(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  pin: " + _b64("plum-7") + "\n",
        ),
        negative=(
            "kind: ConfigMap\ndata:\n  pin: " + _b64("plum-7") + "\n",
            "kind: Secret\nstringData:\n  pin: ${PIN_OF_TODAY}\n",
        ),
    ),
)
