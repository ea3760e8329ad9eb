"""Passwords and unknown secrets: a telling name, an assignment in any syntax, and a value that is no placeholder.

The name decides what the value must look like: after *password* any value that is not a word of code
will do, after *token* or *api key* only one that looks random. What has its own format is in the other
secret families; what is only a reference to a secret (``os.environ[…]``, ``${VAR}``, a call) is none.
"""

from __future__ import annotations

import re

from masking.detect.secrets_table import HARMLESS, TYPE, UUID, entropy, placeholder, wordy
from masking.recognizer import Literals, Pattern, Recognizer, Validator, starting

_NAME = r"(?i:passw(?:or[dt]|d)|passphrase|passcode|pwd|(?<!reise)(?<!by)(?<!com)(?<!tres)pass(?=[\"'\]\s:=])|contrase(?:ñ|n)a|senha|kennwort|wachtwoord|mot de passe|(?<![A-Za-z0-9])pw(?=[\"'\]\s:=]))"
_NAMES = (
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "pass=",
    "pass:",
    'pass"',
    "pass'",
    "pass =",
    "contrase",
    "senha",
    "kennwort",
    "wachtwoord",
    "mot de passe",
    "pw:",
    "pw=",
    "pw =",
    'pw"',
    "pw'",
)
_ENDS = (
    "type",
    "field",
    "file",
    "path",
    "hint",
    "length",
    "min",
    "max",
    "name",
    "policy",
    "reset",
    "id",
    "label",
    "input",
    "hash",
    "count",
    "error",
    "page",
    "form",
    "class",
    "arn",
    "expires",
    "expiry",
    "ttl",
    "limit",
    "size",
    "endpoint",
    "header",
    "prefix",
    "uri",
    "url",
    "secretname",
    "encoder",
    "regex",
    "pattern",
    "placeholder",
    "_at",
    "algorithm",
    "enabled",
    "required",
)
_NOT_VALUE = "".join(f"(?<!(?i:{word}))" for word in _ENDS)
_OP = r"[\"'`\\\])}]{0,4}\s{0,3}(?:=>|:{0,3}=|\|\|=|\?=|\.=|={1,3}|:|->|<-)\s{0,5}"
_QUOTE = r"\\{0,2}[\"'`]{1,3}"

TYPES = frozenset(
    (
        *(
            "string",
            "str",
            "text",
            "bytes",
            "int",
            "integer",
            "number",
            "boolean",
            "bool",
            "any",
            "object",
            "optional",
            "none",
        ),
        *(
            "null",
            "nil",
            "undefined",
            "unknown",
            "char",
            "varchar",
            "secretstr",
            "required",
            "true",
            "false",
            "yes",
            "no",
            "self",
        ),
        *(
            "hidden",
            "empty",
            "invalid",
            "missing",
            "incorrect",
            "wrong",
            "value",
            "default",
            "input",
            "env",
            "prompt",
            "ask",
            "this",
        ),
        *(
            "void",
            "var",
            "const",
            "let",
            "new",
            "return",
            "function",
            "type",
            "name",
            "email",
            "username",
            "user",
            "login",
            "submit",
        ),
        *(
            "nullable",
            "unset",
            "changed",
            "reset",
            "expired",
            "protected",
            "encrypted",
            "hashed",
            "plaintext",
            "plain",
            "basic",
        ),
    )
)
_CODE = re.compile(
    r"pass|pwd|secret|user|field|input|value|hash|param|config|setting|option|request|getenv|environ|self\.|this\.|prompt|credential",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|->|::)[A-Za-z_][A-Za-z0-9_]*)*")
_REFERENCE = re.compile(
    r"\$\{?[A-Za-z_]\w*\}?|%[A-Za-z_]+%|\{[^}]{1,60}\}|<[^>]{1,60}>|\[[^\]]{1,60}\]|[({].*|@\w+@|#\{.*|&\w+;?|!\w+ .*"
)
_UUID = re.compile(UUID)
_CALL = re.compile(r"[A-Za-z_$][\w.$>:-]*(?:[(\[][^()\[\]]*[)\]]?(?:\.\w+)*)*")
"""A call or a place in a table, whole or cut off by a blank or a quote: ``hash(pw)``, ``data[key].value``, ``get(``."""
_PLAIN = r"[^\s\"'`,;<>(){}\[\]|\\]"
_BARE = rf"(?![:=])((?:{_PLAIN}|\({_PLAIN}{{0,40}}\)|\[{_PLAIN}{{0,40}}\]){{1,128}}+)(?![(\[{{])"
"""Up to a blank, a quote or a bracket that is not closed again. What is too short the validator refuses."""
_SENTENCE = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "are",
        "was",
        "be",
        "to",
        "of",
        "for",
        "in",
        "on",
        "at",
        "with",
        "and",
        "or",
        "not",
        "no",
        "your",
        "you",
        "my",
        "our",
        "his",
        "her",
        "their",
        "this",
        "that",
        "it",
        "please",
        "enter",
        "type",
        "must",
        "should",
        "may",
        "can",
        "will",
        "cannot",
        "need",
        "needs",
        "required",
        "invalid",
        "wrong",
        "incorrect",
        "missing",
        "forgot",
        "forgotten",
        "reset",
        "change",
        "changed",
        "new",
        "old",
        "again",
        "least",
        "most",
        "minimum",
        "maximum",
        "characters",
        "character",
        "letters",
        "digits",
        "long",
        "short",
        "match",
        "matches",
        "do",
        "does",
        "don't",
        "doesn't",
        "has",
        "have",
        "field",
        "here",
        "if",
        "when",
        "by",
        "from",
        "as",
        "all",
        "any",
        "than",
        "too",
        "only",
        "show",
        "hide",
        "use",
        "used",
        "using",
        "same",
        "current",
    ]
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}[:/.][0-9]{1,2}.*")


def password(text: str) -> bool | None:
    """A quoted value: anything but a placeholder, a type, a reference, a file, or the name of another field."""
    if placeholder(text) or text.lower() in TYPES or _REFERENCE.fullmatch(text) or len(set(text)) < 3:
        return False
    if not any(char.isdigit() for char in text) and _CODE.search(text):
        return False
    return False if text.startswith(("/", "./", "~/", "http://", "https://")) else None


def bare_password(text: str) -> bool | None:
    """An unquoted value: must hold a digit or a sign that no identifier of a program has."""
    text = text.rstrip(".,;:")
    if len(text) < 4 or password(text) is False or _DATE.fullmatch(text) or text.startswith("$("):
        return False
    if ("(" in text or "[" in text) and _CALL.fullmatch(text):
        return False
    if not any(not char.isalpha() for char in text):
        return False
    return (
        False
        if _IDENTIFIER.fullmatch(text) and (_CODE.search(text) or not any(char.isdigit() for char in text))
        else None
    )


def passphrase(text: str) -> bool | None:
    """Quoted words: a passphrase, where nothing says that they are a sentence or a label about passwords."""
    words = text.split()
    if (
        len(words) < 2
        or placeholder(text)
        or _CODE.search(text)
        or not text[-1].isalnum()
        or _REFERENCE.search(text)
    ):
        return False
    if any(word.strip(".,:;!?'").lower() in _SENTENCE for word in words) or not _SAID.fullmatch(text):
        return False
    return None if any(char.isdigit() for char in text) or text.islower() else False


_SAID = re.compile(r"[^%{}<>()|=]{5,128}")


def given_password(text: str) -> bool | None:
    """What stands where a command takes a password: anything that is no reference to one and no word of a sentence."""
    if text.startswith(_NO_VALUE) or (text[0] == "%" and text[-1] == "%") or _HOLE.match(text):
        return False
    if len(text) > 2 and placeholder(text):
        return False
    word = text.lower()
    return False if word in NOT_GIVEN or text in _METAVARIABLES else None


_NO_VALUE = ("http://", "https://", "ftp://", "-", "$", "<", "{", "`", "(", "[", "*", ".$", "+", "#{", "@{")
_HOLE = re.compile(r"%[sdrq](?![A-Za-z0-9])|%[({]|%~?[0-9]$|&lt;")
"""What a program fills in: ``%s``, ``%(pw)s``, ``%1`` of a batch file."""
_PROMPTS = frozenset(
    [
        *("password", "passwd", "pwd", "string", "none", "null", "prompt", "stdin", "env", "...", "option"),
        *("options", "flag", "flags", "argument", "arguments", "parameter", "parameters", "switch", "before"),
        *("after", "without", "instead", "asks", "takes", "but", "because", "so", "then", "which"),
    ]
)
NOT_GIVEN = _PROMPTS | _SENTENCE
"""Words that stand behind the name of an option where it is spoken of."""
_METAVARIABLES = frozenset(("PASS", "PW", "SECRET", "TOKEN", "PASSPHRASE", "VALUE", "KEY", "WORD", "TEXT"))


def environment_password(text: str) -> bool | None:
    """The value of a variable whose name says password, before a command: no reference, no switch, no name of another."""
    if given_password(text) is False or len(text) < 3 or text.isdigit():
        return False
    return False if password(text) is False or ("_" in text and text.replace("_", "").isalpha()) else None


def line_password(text: str) -> bool | None:
    """A value alone to the end of its line (env file, YAML): a lower-case word may be one."""
    if len(text) < 5 or password(text) is False or "_" in text or _CODE.search(text):
        return False
    return None if text.islower() or text.isupper() else False


def secret_value(text: str) -> bool | None:
    """A value that looks random: sixteen characters or more of mixed kinds with the entropy of one, or shorter and denser."""
    text = text.strip("\"'`.,;:")
    kinds = sum(any(test(char) for char in text) for test in (str.isdigit, str.islower, str.isupper))
    if (
        len(text) < 10
        or kinds < 2
        or placeholder(text)
        or _DATE.fullmatch(text)
        or _REFERENCE.fullmatch(text)
    ):
        return False
    if text.startswith(("/", "./", "~/", "http", "arn:", "data:", "file:", "urn:")) or wordy(text):
        return False
    if _UUID.fullmatch(text):
        return None
    if not any(char.isdigit() for char in text) and (
        len(text) < 20 or (_IDENTIFIER.fullmatch(text) and entropy(text) < 4)
    ):
        return False
    return None if entropy(text) >= (3.0 if len(text) >= 16 else 2.9) else False


_SECRET_NAMES = (
    *(
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "api key",
        "accesskey",
        "access_key",
        "access-key",
        "authkey",
        "auth_key",
    ),
    *(
        "privatekey",
        "private_key",
        "private-key",
        "signing_key",
        "signingkey",
        "encryption_key",
        "encryptionkey",
        "master_key",
    ),
    *(
        "masterkey",
        "shared_key",
        "sharedkey",
        "credential",
        "license_key",
        "app_key",
        "appkey",
        "session_key",
        "admin_key",
    ),
    *(
        "service_key",
        "webhook_key",
        "deploy_key",
        "storage_key",
        "account_key",
        "write_key",
        "_auth",
        "auth_",
    ),
)
_TELLING = (
    r"(?i:secret|token|api[_\- ]?key|access[_-]?key|auth[_-]?key|private[_-]?key|sign(?:ing)?[_-]?key|encryption[_-]?key|master[_-]?key"
    r"|shared[_-]?key|credentials?|license[_-]?key|app[_-]?key|(?:session|admin|service|webhook|deploy|storage|account|write)_key|_auth|auth_)"
)
_CHARS = r"[A-Za-z0-9+/=~.:@#$%^&*!?_\-]"
_HEX = "3f9a41c07be25d68"


def _rule(
    name: str,
    patterns: tuple[Pattern, ...],
    validator: Validator,
    source: str,
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    *,
    type_: str = "PASSWORD",
) -> Recognizer:
    return Recognizer(
        name=name,
        type=type_,
        patterns=patterns,
        source=source,
        positive=positive,
        negative=negative,
        validator=validator,
    )


_BARE_WORD = r"(?:[^\s\"'`\\|;&<>()]|\\[ !#$&*()|;<>?]){1,128}+"
_WORD = rf"\\{{0,2}}[\"']?((?<=')(?! )[^'\n]{{1,128}}?(?=\\{{0,2}}')|(?<=\")(?! )[^\"\n]{{1,128}}?(?=\\{{0,2}}\")|(?<![\"'])(?!-){_BARE_WORD})"
"""A word of a shell, the first group: what stands in quotes, blanks and all, or up to a blank or an operator."""
_OPTION = r"(?<![\w/\-])(?:--?(?:[A-Za-z0-9_-]{0,40}-)?(?:store|key|user_|admin_|root_|db_)?pass(?:w(?:or)?d|phrase|code)?|/pass(?:word)?)(?=[ \t=:\"'\\])"
_OPTIONS = (
    "-pass",
    "-storepass",
    "-keypass",
    "-user_pass",
    "-admin_pass",
    "-root_pass",
    "-db_pass",
    "/pass ",
    "/pass:",
    "/password",
)
_SOURCE = "CWE-798, Use of hard-coded credentials; OWASP Cheat Sheet: Secrets Management"
_MYSQL = "dev.mysql.com: connecting with command options"

RECOGNIZERS: tuple[Recognizer, ...] = (
    _rule(
        "password/quoted",
        (
            Pattern(
                starting(_NAMES, 0, 210),
                0.85,
                rf"{_NAME}[\w.\-]{{0,30}}+{_NOT_VALUE}{_OP}{_QUOTE}([^\s\"`\\]{{3,128}}?)(?=[\"'`\\])",
                1,
            ),
        ),
        password,
        _SOURCE,
        (
            'password = "hunter2"',
            '{"password": "correct-horse"}',
            "db_passwd: 'Tr0ub4dor&3'",
            "const pwd = `a1b2c3d4`;",
            '\\"password\\":\\"zx81Basic\\"',
        ),
        (
            'password = "${DB_PASSWORD}"',
            'password: "string"',
            'type="password" name="password"',
            'password = os.environ["PASSWORD"]',
            'password = "********"',
            'password_field = "new_password"',
            'password_hash_algorithm = "bcrypt"',
            '"password": "<your-password>"',
        ),
    ),
    _rule(
        "password/phrase",
        (
            Pattern(
                starting(_NAMES, 0, 210),
                0.8,
                rf"{_NAME}[\w.\-]{{0,30}}+{_NOT_VALUE}{_OP}\\{{0,2}}[\"']([^\s\"'\\]{{1,40}}[ \t][^\n\"'\\]{{1,120}})(?=[\"'\\])",
                1,
            ),
        ),
        passphrase,
        _SOURCE,
        (
            'password = "correct horse battery"',
            "passphrase: 'plum tree 9 winter'",
            '{"password": "four small grey stones"}',
        ),
        (
            'password: "Enter your password"',
            "password = 'must be at least eight characters'",
            '"password": "Wrong password"',
            'password_hint = "name of my dog"',
            'password: "%s of %s"',
        ),
    ),
    _rule(
        "password/bare",
        (
            Pattern(
                starting(_NAMES, 0, 210),
                0.75,
                rf"{_NAME}[\w.\-]{{0,30}}+{_NOT_VALUE}(?:\s{{0,3}}(?:=>|:=|={{1,2}}|:)\s{{0,5}}|>){_BARE}",
                1,
            ),
        ),
        bare_password,
        _SOURCE,
        (
            "password: hunter2",
            "PGPASSWORD=s3cr3t-x9 psql",
            "<password>Pa55phrase</password>",
            "Server=db;User Id=sa;Password=Qw3rty!x;",
            "pwd=T0ps3cret&user=bo",
            "DB_PASSWORD=p(ss)W0rd!",
            "pw: hunter2",
            'psql "host=h password=W1nter24x"',
        ),
        (
            "password=user.password",
            "password = get_password()",
            "password: str = Field(min_length=8)",
            "password=$PASSWORD",
            "PWD=/home/asha/src",
            "password: process.env.DB_PASS",
            "password = None",
            "self.password = password1",
            "password = data[key]",
            "password=$(cat /run/pw)",
            "using llvm::Pass::doInitialization;",
            "if user is None or password is None)",
        ),
    ),
    _rule(
        "password/line",
        (
            Pattern(
                starting(_NAMES, 0, 120),
                0.6,
                rf"{_NAME}[\w\-]{{0,30}}+{_NOT_VALUE}(?:=|: )([a-z]{{5,64}}|[A-Z]{{5,64}})[ \t]{{0,3}}(?=[\r\n&]|\Z)",
                1,
            ),
        ),
        line_password,
        _SOURCE,
        ("DB_PASSWORD=letmein\nDB_PORT=5432", "password: qwertyuiop"),
        ("password: string", "  password: required\n", "password=password\n"),
    ),
    _rule(
        "password/prose",
        (
            Pattern(
                starting(("passw", "passphrase", "passcode", "pwd", "pw is ", "pw was "), 0, 130),
                0.75,
                r"(?i:passw(?:or[dt]|d)|passphrase|passcode|pwd|(?<![A-Za-z0-9])pw)(?i: (?:for|of|to) [\w@.\-]{1,40})?(?i:\s{1,2}(?:is|was|ist|es|est|changed to|set to|reset to|now))(?:\s?:)?\s{1,2}[\"'`]?([^\s\"'`,;)\]]{4,64})",
                1,
            ),
        ),
        bare_password,
        _SOURCE,
        ("my password is hunter2 ok", "the pwd is Xk9#plum", "password for bo was w1nter!24"),
        ("the password is incorrect", "password is required", "the password was changed yesterday"),
    ),
    _rule(
        "password/sql",
        (
            Pattern(
                starting(("identified",), 0, 220),
                0.9,
                r"(?i:identified)\s{1,4}(?i:with \S{1,40} )?(?i:by)\s{1,4}(?i:password )?[\"']([^\"'\s]{3,128})[\"']",
                1,
            ),
            Pattern(
                starting(("password '", "passwort '"), 0, 140), 0.85, r"(?i:passwor[dt]) '([^'\s]{3,128})'", 1
            ),
        ),
        password,
        "dev.mysql.com: CREATE USER; postgresql.org/docs: CREATE ROLE",
        ("CREATE USER 'bo'@'%' IDENTIFIED BY 'w1nter-24';", "ALTER ROLE app WITH PASSWORD 'plum-tree-7'"),
        ("IDENTIFIED BY '${PW}'", "IDENTIFIED BY '********'"),
    ),
    _rule(
        "password/command-line",
        (
            Pattern(
                starting(("--pass", "-passw", "/password"), 0, 150),
                0.8,
                rf"(?:--?|/)(?i:pass(?:w(?:or)?d)?|passphrase)(?:\s{{1,3}}|=|:){_WORD}",
                1,
            ),
            Pattern(
                starting(("mysql", "mariadb"), 0, 260),
                0.8,
                rf"(?i:mysql|mariadb)\w{{0,10}}[^\n|;]{{0,120}}? -p {_WORD}",
                1,
            ),
            Pattern(
                starting(("-u ", "--user "), 0, 220),
                0.8,
                r"(?<![\w-])(?:-u|--user) [\"']?[^\s:\"'/$]{1,64}:([^\s\"'$/{`(][^\s\"'$/{`]{2,99})",
                1,
            ),
        ),
        bare_password,
        f"{_MYSQL}; curl(1)",
        (
            "tool --password Xk9plum3 --host a",
            "mysql -u root -p W1nter24x shop",
            "http --user bo:W1nter24x https://a.example",
        ),
        (
            "tool --password $PW",
            "tool --password --host a",
            "ssh -p 2222 host",
            "docker run -u 1000:1000 image",
        ),
    ),
    _rule(
        "password/option",
        (
            Pattern(
                Literals(_OPTIONS, before=50, after=200),
                0.8,
                rf"{_OPTION}(?:=|:|[ \t]{{1,3}}(?=\\{{0,2}}[\"'])|\\{{0,2}}[\"'],[ \t]{{0,3}}(?=[\"'])){_WORD}",
                1,
            ),
            Pattern(
                Literals(_OPTIONS, before=50, after=200),
                0.7,
                rf"{_OPTION}[ \t]{{1,3}}({_BARE_WORD})(?=[ \t]{{0,3}}(?:[\r\n|;&<>\"'\\)]|\Z|[ \t](?:[-/]|[a-z]{{2,8}}://)))",
                1,
            ),
        ),
        given_password,
        "getopt_long(3); wget(1), keytool(1), svn(1), wmic: an option whose name says that it takes a password",
        (
            "wget --user bo --password=plum http://a.example",
            "svn co --username bo --password plumtree http://a.example",
            "tool --db-password 'plum tree 9' run",
            "keytool -genkey -storepass plumtree -alias a",
            "wmic /node:h /user:bo /password:plumtree os",
            '["tool", "--password", "plum tree 9"]',
            "az sql server create --admin-password plumtree",
        ),
        (
            "tool --password=$PASS",
            "tool --password=${PASS} --host a",
            'tool --password "$PASS"',
            "tool --password <password>",
            "tool --password=xxxx",
            "tool --password=********",
            "docker login --password-stdin",
            "use --password to authenticate",
            "the --password option",
            "Give it with --password before connecting to the server",
            "gpg --passphrase-fd 0",
            "openssl rsa -passin env:PW",
            "ffmpeg -pass 1 out.mp4",
            "a two-pass scan",
            "--password=PASSWORD",
        ),
    ),
    _rule(
        "password/environment",
        (
            Pattern(
                Literals(
                    ("password=", "passwd=", "_pass=", "_pwd=", "sshpass=", "passphrase="),
                    before=50,
                    after=200,
                ),
                0.65,
                rf"(?<![\w$.\-])[A-Z][A-Z0-9_]{{0,40}}(?:PASSWORD|PASSWD|PASSPHRASE|SHPASS|_PASS|_PWD)={_WORD}(?=[ \t\"'\\;&]|\Z)",
                1,
            ),
        ),
        environment_password,
        "POSIX.1-2017, Shell Command Language, section 2.9.1: assignments before a command; environ(7)",
        (
            "PGPASSWORD=plumtree psql -h db",
            "PGPASSWORD='Plum Tree' psql",
            "SSHPASS=plumtree sshpass -e ssh host",
            "docker run -e MYSQL_ROOT_PASSWORD=plumtree mysql",
        ),
        (
            "PGPASSWORD=$PASS psql",
            'PGPASSWORD="${PASS}" psql',
            "PGPASSWORD=$(cat /run/pw) psql",
            "PGPASSWORD=******** psql",
            "ALLOW_EMPTY_PASSWORD=yes run",
            "OLD_PWD=/tmp ls",
            "TESTS_PASS=12 of 14",
            "DB_PASSWORD=db_password run",
        ),
    ),
    _rule(
        "password/conninfo",
        (
            Pattern(
                Literals((" password=",), before=180, after=200),
                0.75,
                rf"(?<![\w.])(?:host|hostaddr|user|dbname|port)=[^\"'\n]{{1,160}}? password={_WORD}",
                1,
            ),
            Pattern(
                starting(("password=",), 0, 200),
                0.75,
                rf"(?i:password)={_WORD}(?=[\"']? {{1,2}}(?:host|hostaddr|user|dbname|port|sslmode|connect_timeout)=[\w./])",
                1,
            ),
        ),
        given_password,
        "PostgreSQL manual, section 34.1.1.1: keyword/value connection strings",
        (
            'psql "host=h user=bo password=plumtree"',
            "dsn = 'password=plumtree host=h dbname=shop'",
            "host=h password='plum tree 9'",
        ),
        ("host=h password=$PW", "host=h user=bo", "password=password host=h"),
    ),
    _rule(
        "password/netrc",
        (
            Pattern(
                starting(("login ",), 0, 260),
                0.85,
                r"(?i:login)\s{1,3}\S{1,100}\s{1,4}(?i:password)\s{1,3}(\S{3,128})",
                1,
            ),
        ),
        password,
        "GNU inetutils manual: .netrc file",
        ("machine a.example login bo password plumtree9",),
        ("login form password field",),
    ),
    _rule(
        "secret/assignment",
        (
            Pattern(
                starting(_SECRET_NAMES, 0, 580),
                0.8,
                rf"{_TELLING}[\w.\-]{{0,30}}+{_NOT_VALUE}{HARMLESS}(?:{_OP}|>)(?:{_QUOTE})?((?<![\w/+]){_CHARS}{{10,512}})(?![(\[])",
                1,
            ),
            Pattern(
                starting(_SECRET_NAMES, 0, 580),
                0.8,
                rf"{_TELLING}[\w.\-]{{0,30}}+{_NOT_VALUE}{HARMLESS}{_OP}\\{{0,2}}[\"']([^\s\"'`\\]{{10,512}})(?=[\"'\\])",
                1,
            ),
        ),
        secret_value,
        _SOURCE,
        (
            f'client_secret = "{_HEX}{_HEX[::-1]}"',
            "API_TOKEN: 9fKq2Lr7Xw4Zp1Vt8Bn3",
            '"secretKey": "m2Xz-90Qp_Lk33vR7t"',
            "X-Api-Key: 4d7e1f9a0b2c8d6e5f3a",
            'auth_token => "8Hq3Zr6Wy1Kp5Lx9"',
            "secret_access_key = 'wJ4lrX(Utn8)K7MD2NG3bPx'",
        ),
        (
            "token = os.environ['API_TOKEN']",
            'secret = "your-secret-here-0000"',
            "token_type: bearer_token_2_0",
            "max_tokens: 4096",
            'token = "${API_TOKEN_V2_PROD}"',
            "access_token_url = https://login.example/oauth2/v2",
            "token = get_token_from_cache_v2(1)",
            'secret_name = "prod-db-credentials-2024"',
            "next_token_id: 1234567890123",
        ),
        type_=TYPE,
    ),
    _rule(
        "secret/argument",
        (
            Pattern(
                starting(
                    (
                        "-api-key ",
                        "-apikey ",
                        "-api-token ",
                        "-token ",
                        "-secret ",
                        "-secret-key ",
                        "-access-key ",
                        "-auth-key ",
                        "-license-key ",
                    ),
                    0,
                    560,
                ),
                0.8,
                rf"(?<=[\w-])-(?i:api-?key|api-token|token|secret|secret-key|access-key|auth-key|license-key) {{1,3}}[\"']?({_CHARS}{{10,512}})(?![(\[])",
                1,
            ),
        ),
        secret_value,
        "POSIX.1-2017 section 12.1 and getopt_long(3): the argument of an option stands behind a blank",
        (
            "tool --api-key 4d7e1f9a0b2c8d6e5f3a run",
            "tool --datadog-token 9fKq2Lr7Xw4Zp1Vt8Bn3",
            "tool --client-secret 'm2Xz-90Qp_Lk33vR7t'",
        ),
        (
            "tool --token $TOKEN_V2_OF_THE_DAY",
            "tool --token <your-token-0000>",
            "use --token to authenticate",
        ),
        type_=TYPE,
    ),
)
