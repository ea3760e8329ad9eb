"""Passwords on command lines: which option, which place or which pipe of which program takes one.

A line of a shell is cut into words as a shell cuts it (POSIX.1-2017, Shell Command Language, section 2.2: quotes, escapes; a line goes on
behind a backslash), so that a value in quotes is taken whole, blanks and all. What the words mean stands in one table. The same words in a
list of arguments (``["sshpass", "-p", "…"]``) are read the same.

What is no password: a variable, a template, a filler, a word of a sentence. Deliberately absent: programs that are not in the table; an
option of any program whose name says that it takes a password is ``password/option`` in ``secrets_generic``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from masking.detect.secrets_generic import bare_password, given_password
from masking.detect.secrets_programs import LITERALS, PROGRAMS, Program
from masking.resolve import RANK_KEY
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

SCORE: Final = 0.8
REASON: Final = "stands where this program takes a password"
RULE: Final = "password/command"
LINE_CHARS_MAX: Final = 800
"""So much of a line is read from its program on."""
BEFORE_CHARS_MAX: Final = 300
"""So much of it before the program, for what is piped in and for the quotes around."""
WORDS_MAX: Final = 80
NESTED_MAX: Final = 3
"""Programs that are looked at within the words of another (``sudo``, ``sshpass … ssh host mysql``)."""
STDIN_LINES_MAX: Final = 50


class Word(NamedTuple):
    """``text[start:end]``, without the quotes around it; ``plain``: it had none; ``sign``: it is an operator (``<<<``, ``>`` …)."""

    text: str
    start: int
    plain: bool
    sign: bool = False


_WORD: Final = re.compile(
    r"""(?:[ \t\x02]|\\\r?\n){0,200}+(?:(?P<sign><<<|<<-?|[<>]{1,2}&?)"""
    r"""|(?P<word>(?:[^\s'"\\|;&<>()`]|\\[^\r\n]|'[^'\n]{0,400}'|"(?:[^"\\\n]|\\[^\n]){0,400}"){1,200}+))"""
)
_QUOTES: Final = "\"'\x02"
_ARGUMENT: Final = re.compile(
    r"""\s{0,40},\s{0,40}(?:"((?:[^"\\\n]|\\[^\n]){0,400}+)"|'((?:[^'\\\n]|\\[^\n]){0,400}+)')"""
)
_LABEL: Final = re.compile(r"""(?:[\w./-]{1,80}: | {0,40}- )""")
_LINE: Final = re.compile(r"""\n([\w./-]{1,80}: | {0,40}- )([^\n]{0,400})""")
_PIPED: Final = re.compile(
    r"""(?<![\w-])(?:echo|printf)(?:[ \t]{1,3}-[neE]{1,3}){0,2}[ \t]{1,3}(?:(?:'%s(?:\\n)?'|"%s(?:\\n)?")[ \t]{1,3})?"""
    r"""(?:\\?'(?P<one>[^'\n]{1,200}?)\\?'|\\?"(?P<two>[^"\n]{1,200}?)\\?"|(?P<bare>[^\s'"|;&<>()\\]{1,200}))"""
    r"""[ \t]{0,3}\|[ \t]{0,3}(?:sudo[ \t]{1,3}(?:-\w{1,10}[ \t]{1,3}){0,3})?(?:/[\w./-]{0,60}/)?\Z"""
)
_PIPED_HERE: Final = re.compile(
    r"""<<-?([ \t]{0,3}['"]?\w{1,20}['"]?[^\n|]{0,80}\|[ \t]{0,3})(?:sudo[ \t]{1,3}(?:-\w{1,10}[ \t]{1,3}){0,3})?(?:/[\w./-]{0,60}/)?\Z"""
)
_HERE: Final = re.compile(r"""[ \t]{0,3}['"]?(\w{1,20})['"]?[^\n]{0,80}\n""")
_SINGLE: Final = re.compile(r"(?<!\w)'|'(?!\w)")
_BEFORE: Final = re.compile(r"[\w.-]")


def find_at(view: View, places: list[int]) -> list[Span]:
    """What stands behind the programs at *places*."""
    return list(_found(view.folded, sorted(set(places))))


def find(view: View) -> list[Span]:
    """As :func:`find_at`, from no places: nothing is looked for without one."""
    return find_at(view, [])


def _found(text: str, places: list[int]) -> Iterator[Span]:
    stop = 0
    inside: list[str] = []
    for at in places:
        if at >= stop:
            inside = []
        elif len(inside) >= NESTED_MAX:
            continue
        named = _NAME.match(text, at)
        if named is None or (at and (text[at - 1] in "-.@" or text[at - 2 : at] == "//")):
            continue
        name = named[0].lower().removesuffix(".exe").removesuffix(".py")
        program = PROGRAMS.get(name)
        if program is None or (name in inside and not program.stdin):  # the words were read for it already
            continue
        inside.append(name)
        words, end = _words(text, at, named.end())
        stop = max(stop, end)
        if words or program.stdin:
            yield from _behind(name, program, words)
        if program.stdin:
            yield from _piped(text, at, program, words, end)


def _words(text: str, at: int, end: int) -> tuple[list[Word], int]:
    """The words behind the program whose name is ``text[at:end]``, and where the command ends."""
    limit = min(len(text), end + LINE_CHARS_MAX)
    quote = text[end : end + 1]
    if at and quote in {'"', "'"} and text[at - 1] in {quote, "/"}:
        return _arguments(text, end + 1, limit)
    left = max(text.rfind("\n", max(0, at - BEFORE_CHARS_MAX), at) + 1, at - BEFORE_CHARS_MAX, 0)
    if text[end : end + 1] == "\n" and (label := _LABEL.fullmatch(text, left, at)) is not None:
        return _lines(text, end, limit, label[0])
    if (text.count('"', left, at) - text.count('\\"', left, at)) % 2:
        stop = end
        while (stop := text.find('"', stop, limit)) > 0 and text[stop - 1] == "\\":
            stop += 1
        limit = stop if stop > 0 else limit
        region = text[end:limit]
        if "\\" in region:  # what is quoted within quotes, and the end of a line within a JSON string
            region = region.replace('\\"', '\x02"').replace("\\n", " \n")
    else:
        if text.find("'", left, at) >= 0 and len(_SINGLE.findall(text, left, at)) % 2:
            stop = text.find("'", end, limit)
            limit = stop if stop > 0 else limit
        region = text[end:limit]
    return _cut(region, end)


def _arguments(text: str, at: int, limit: int) -> tuple[list[Word], int]:
    words: list[Word] = []
    while len(words) < WORDS_MAX and (match := _ARGUMENT.match(text, at, limit)) is not None:
        group = 1 if match[1] is not None else 2
        words.append(Word(match[group], match.start(group), plain=match[group][:1] == "-"))
        at = match.end()
    return words, at


def _lines(text: str, at: int, limit: int, label: str) -> tuple[list[Word], int]:
    """The arguments where each has a line of its own: a list of YAML, or the leaves of a list as ``masking.document`` joins them."""
    words: list[Word] = []
    while len(words) < WORDS_MAX and (match := _LINE.match(text, at, limit)) is not None:
        if match[1] != label and not match[1].lower().endswith(
            ("args: ", "argv: ", "arguments: ", "params: ")
        ):
            break
        words.append(_unquoted(match[2], match.start(2)))
        at = match.end()
    return words, at


def _cut(region: str, offset: int) -> tuple[list[Word], int]:
    words: list[Word] = []
    at = 0
    while len(words) < WORDS_MAX and (match := _WORD.match(region, at)) is not None:
        at = match.end()
        raw, start = match[2], match.start(2)
        if raw is None:
            words.append(Word(match[1], offset + match.start(1), plain=True, sign=True))
        elif raw[0] in _QUOTES or raw[-1] == "\x02":
            words.append(_unquoted(raw, offset + start))
        else:
            words.append(Word(raw, offset + start, plain=True))
    return words, offset + at


def _unquoted(raw: str, start: int) -> Word:
    """A word without the quotes that stand around all of it."""
    inner = raw.strip("\x02")
    start += len(raw) - len(raw.lstrip("\x02"))
    if len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "\"'":
        body = inner[1:-1]
        return Word(body.rstrip("\x02"), start + 1, plain=False)
    return Word(inner, start, plain=True)


def _behind(name: str, program: Program, words: list[Word]) -> Iterator[Span]:
    """What the words of one command hold."""
    if name in _OWN:
        yield from _OWN[name](words)
    first = program.first
    if first and not any(word.text in first for word in words[:3]):
        return
    if name == "kubectl" and not any(word.text == "secret" for word in words[:8]):
        return
    bare: list[Word] = []
    after, skip = not first, False
    for number, word in enumerate(words):
        if skip or word.sign:
            skip = word.sign and not skip
            continue
        taken = _option(name, program, word, words, number)
        if taken is not None:
            value, is_pair, skip = taken
            yield from _second(value, program.sign, name) if is_pair else _value(value)
        elif not after:
            after = word.text in first
        elif word.text[:1] != "-" or not word.plain:
            bare.append(word)
    if program.place:
        yield from _placed(name, program, words, bare)


def _option(
    name: str, program: Program, word: Word, words: list[Word], number: int
) -> tuple[Word | None, bool, bool] | None:
    """What the option *word* is given, whether that is a pair, and whether it is the next word; None: it is no option that is looked for."""
    text = word.text
    key, equals, _ = text.partition("=")
    is_pair = key in program.pairs
    if is_pair or key in program.options:
        if equals:
            return _part(word, len(key) + 1), is_pair, False
        following = words[number + 1] if number + 1 < len(words) and not words[number + 1].sign else None
        return following, is_pair, True
    if text[:1] in {"-", "/"}:
        for short in program.joined:
            if text.startswith(short) and len(text) > len(short):
                return _part(word, len(short)), False, False
        for short in program.short:
            if text.startswith(short):
                return _part(word, len(short)), True, False
    return None


def _value(word: Word | None) -> Iterator[Span]:
    if word is not None and not (word.plain and word.text[:1] == "-"):
        yield from _given(word)


def _placed(name: str, program: Program, words: list[Word], bare: list[Word]) -> Iterator[Span]:
    """The word whose place says it."""
    place = program.place
    if program.needs:
        if not any(word.plain and _has_letter(word.text, program.needs) for word in words):
            return
        # htpasswd -n: no file is named
        place -= any(word.plain and _has_letter(word.text, "n") for word in words)
    if len(bare) >= place:
        word = bare[place - 1]
        yield from _second(word, program.sign, name) if program.last_pairs else _given(word)


def _has_letter(text: str, letters: str) -> bool:
    return text[:1] == "-" and text[1:2] != "-" and any(letter in text for letter in letters)


def _part(word: Word, start: int) -> Word:
    """What of *word* stands from *start* on, without quotes of its own."""
    rest = _unquoted(word.text[start:], word.start + start)
    return Word(rest.text, rest.start, plain=word.plain and rest.plain)


def _second(word: Word | None, sign: str, name: str) -> Iterator[Span]:
    """The password of ``user:password``."""
    if word is None or sign not in word.text or word.text[:1] in {"$", "<", "{", ":"}:
        return
    at = word.text.index(sign) + 1
    if name == "openssl" and word.text[:at] != "pass:":
        return
    value = _part(word, at)
    if name == "sqlplus" or name.startswith("impacket-"):
        stop = value.text.rfind("@")
        if stop < 0:
            return
        value = Word(value.text[:stop], value.start, value.plain)
    yield from _given(value)


def _given(word: Word) -> Iterator[Span]:
    text = word.text
    if text and given_password(text) is not False and (not word.plain or not text.endswith((":", ")"))):
        yield Span(word.start, word.start + len(text), "PASSWORD", SCORE, RULE, REASON)


def _piped(text: str, at: int, program: Program, words: list[Word], stop: int) -> Iterator[Span]:
    """What a pipe, a here-string or a here-document gives to it."""
    if program.stdin_needs and not any(word.text in program.stdin_needs for word in words[:20]):
        return
    before = text[max(0, at - BEFORE_CHARS_MAX) : at]
    if "|" in before[-80:] and (match := _PIPED.search(before)) is not None:
        group = match.lastgroup or ""
        start = at - len(before) + match.start(group)
        yield from _from_stdin(Word(match[group], start, plain=group == "bare"), program)
    if "<<" in before[-200:] and (piped := _PIPED_HERE.search(before)) is not None:
        yield from _document(text, at - len(before) + piped.start(1), program, stop)
    for number, word in enumerate(words[:-1]):
        if not word.sign:
            continue
        if word.text == "<<<":
            yield from _from_stdin(words[number + 1], program)
        elif word.text.startswith("<<"):
            yield from _document(text, word.start + len(word.text), program, stop)


def _from_stdin(word: Word, program: Program) -> Iterator[Span]:
    yield from _second(word, ":", "") if program.stdin == "pair" else _given(word)


def _document(text: str, at: int, program: Program, stop: int) -> Iterator[Span]:
    """The lines of a here-document: all of them where they are pairs, else the first."""
    head = _HERE.match(text, at)
    if head is None or head.end() < stop:
        return
    at = head.end()
    for _ in range(STDIN_LINES_MAX if program.stdin == "pair" else 1):
        end = text.find("\n", at, at + LINE_CHARS_MAX)
        line = text[at : end if end >= 0 else at + LINE_CHARS_MAX]
        if not line or line.strip() == head[1]:
            return
        yield from _from_stdin(Word(line.rstrip("\r"), at, plain=False), program)
        if end < 0:
            return
        at = end + 1


def _net(words: list[Word]) -> Iterator[Span]:
    r"""``net use [X:] \\server\share PASSWORD /user:U``, ``net user NAME PASSWORD /add``."""
    if not words or words[0].text.lower() not in {"use", "user"}:
        return
    bare = [w for w in words[1:] if not w.plain or w.text[:1] != "/"]
    if words[0].text.lower() == "use":
        share = next((n for n, w in enumerate(bare) if w.text.startswith("\\\\")), None)
        named = any(w.plain and w.text.lower().startswith("/u") for w in words)
        if share is not None and named and len(bare) > share + 1:
            yield from _given(bare[share + 1])
    elif len(bare) == 2 and (len(words) > 3 or bare_password(bare[1].text) is not False):
        yield from _given(bare[1])


def _setx(words: list[Word]) -> Iterator[Span]:
    if len(words) > 1 and _VARIABLE.fullmatch(words[0].text):
        yield from _given(words[1])


def _passwd(words: list[Word]) -> Iterator[Span]:
    """``passwd hunter2``: what stands there alone should be an account, and is a password when it looks like none."""
    if (
        len(words) == 1
        and words[0].plain
        and bare_password(words[0].text) is not False
        and _MIXED.search(words[0].text)
    ):
        yield from _given(words[0])


def _ansible(words: list[Word]) -> Iterator[Span]:
    """``-e 'db_pass=… x=1'``: the variables whose names say password."""
    for option, word in pairwise(words):
        if option.text in {"-e", "--extra-vars"}:
            for match in _EXTRA.finditer(word.text):
                yield from _given(_unquoted_part(word, match))


def _unquoted_part(word: Word, match: re.Match[str]) -> Word:
    return _unquoted(match[1], word.start + match.start(1))


_OWN: Final = {
    "net": _net,
    "setx": _setx,
    "passwd": _passwd,
    "ansible": _ansible,
    "ansible-playbook": _ansible,
}
_EXTRA: Final = re.compile(
    r"""(?<!\w)\w{0,40}pass(?:w(?:or)?d)?=('[^'\n]{1,128}'|"[^"\n]{1,128}"|[^\s'"]{1,128})""", re.IGNORECASE
)
_VARIABLE: Final = re.compile(r"(?i)\w{0,40}(?:password|passwd|_pass|_pwd)")
_MIXED: Final = re.compile(r"[a-z]+[0-9]|[0-9]+[A-Za-z]|[A-Z][0-9]|[!@#%^*+=?]")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{2,40}(?:\.exe|\.py)?(?![\w.=:/-])", re.IGNORECASE)


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name=RULE,
        type="PASSWORD",
        find=find,
        find_at=find_at,
        literals=LITERALS,
        rank=RANK_KEY,
        source="the programs' manual pages: the options that take a password; POSIX.1-2017, Shell Command Language",
        positive=(
            "passwd hunter2",
            "echo hunter2 | passwd --stdin bob",
            "printf '%s\\n' 'plum tree 9' | sudo passwd --stdin bob",
            "chpasswd <<< 'bob:hunter2'",
            'echo "bob:plum tree 9" | chpasswd',
            "chpasswd <<EOF\nbob:hunter2\nEOF\n",
            "mysql -u root -phunter2",
            "mysql -u root -p'plum tree 9' shop",
            "smbclient -U user%plumtree //srv/share",
            "net use \\\\srv\\share plumtree /user:bob",
            "net user bob plumtree /add",
            "curl -u user:plumtree https://a.example",
            'curl -u "bob:plum tree 9" https://a.example',
            "sshpass -p 'plum tree 9' ssh host",
            "sshpass -p plum\\ tree\\ 9 ssh host",
            "redis-cli -h cache -a plumtree ping",
            "redis-cli AUTH plumtree",
            "mongo -u u -p p",
            "ldapsearch -x -D cn=admin -w plumtree",
            "openssl rsa -in k.pem -passin pass:xyz",
            "openssl enc -aes-256-cbc -k plumtree -in a",
            "docker login -u bo -p x registry.example",
            "docker login \\\n  -u bo \\\n  -p plumtree \\\n  registry.example",
            "echo plumtree | docker login -u bo --password-stdin",
            "htpasswd -b file user plumtree",
            "htpasswd -nbB user 'plum tree 9'",
            "az login -u bo -p plumtree",
            "kubectl create secret generic db --from-literal=pin=v",
            "kubectl create secret generic db --from-literal='pin=plum tree 9'",
            "wget --http-password plumtree https://a.example",
            "ConvertTo-SecureString 'x'",
            "ConvertTo-SecureString -String 'plum tree 9' -AsPlainText -Force",
            "unzip -P plumtree a.zip",
            "7z x -pplumtree a.7z",
            'ansible-playbook site.yml -e "db_pass=plumtree x=1"',
            "snmpget -v2c -c plumtree 10.0.0.1 sysUpTime",
            "ipmitool -H h -U admin -P plumtree chassis power",
            "echo -n plumtree | cryptsetup luksOpen /dev/sda1 x",
            "cryptsetup luksAddKey /dev/sda1 <<< plumtree",
            "gpg --batch --passphrase 'plum tree 9' -c f",
            "echo plumtree | sudo -S id",
            "echo plumtree | kinit bob",
            "rabbitmqctl add_user bob plumtree",
            "nmcli dev wifi connect net password 'plum tree 9'",
            "wpa_passphrase net plumtree",
            "sqlcmd -S h -U sa -P plumtree",
            "sqlplus scott/plumtree@orcl",
            "plink -pw plumtree bob@host",
            "xfreerdp /u:bob /p:plumtree /v:host",
            "setx DB_PASSWORD plumtree",
            '["sshpass", "-p", "plum tree 9", "ssh", "host"]',
            '{"command": "curl -u \\"bo:plum tree\\" https://a.example", "x": 1}',
            "command: mysql\nargs: -u\nargs: root\nargs: -pplumtree\n",
            "ssh host 'mysql -u root -pplumtree shop'",
        ),
        negative=(
            "passwd bob",
            "passwd $PASS",
            "the passwd command changes passwords",
            "cat /etc/passwd | grep bob",
            "echo $PASS | passwd --stdin bob",
            'echo "$PASS" | passwd --stdin bob',
            "echo done | tee passwd.log",
            "chpasswd < users.txt",
            'chpasswd <<< "bob:${PASS}"',
            "mysql -u root -p shop",
            "mysql -u root -p$PASS",
            "mysql -u root -p********",
            "mysql -u root -pxxxx",
            "mysql -P 3306 -u root",
            "smbclient -U $USER%$PASS //srv/share",
            "smbclient -U user //srv/share",
            "net use \\\\srv\\share $PASS /user:bob",
            "net use \\\\srv\\share * /user:bob",
            "net use Z: \\\\srv\\share /persistent:yes",
            "the net use of password managers",
            "curl -u $USER:$PASS https://a.example",
            "curl -u <user>:<password> https://a.example",
            "the curl -u option takes user:password",
            "sshpass -p '${PASS}' ssh host",
            'sshpass -p "$(cat /run/pw)" ssh host',
            "redis-cli -a <password>",
            "mongosh --port 27017",
            "ldapsearch -W -D cn=admin",
            "openssl rsa -passin env:PASS",
            "openssl req -new -key k.pem",
            "docker login -u bo --password-stdin registry.example",
            "docker login -p $TOKEN",
            "docker run -p 8080:80 nginx",
            "use docker login -p is insecure",
            "htpasswd -B file user",
            "htpasswd -b file user $PASS",
            "kubectl create secret generic db --from-literal=pin=${PIN}",
            "kubectl create configmap db --from-literal=mode=fast",
            "wget -P /tmp https://a.example",
            'ConvertTo-SecureString "$pass" -AsPlainText',
            "ConvertTo-SecureString is a cmdlet",
            "unzip -p a.zip file.txt",
            "unzip -P $PASS a.zip",
            'ansible-playbook site.yml -e "pass={{ vault_pass }}"',
            "snmpget -c <community> h",
            "ipmitool -H h -U admin -E chassis",
            "cryptsetup luksOpen /dev/sda1 root",
            "gpg --passphrase-file /run/pw -c f",
            'echo "starting" | sudo tee /var/log/x',
            'os.system("mysql -u root -p" + pw + " shop")',
            '["docker", "run", "-p", "8080:80"]',
        ),
    ),
)
