"""Local passwords: argon2id, the same work for names that exist and names that do not.

Decided here: the profile of the hash and what a password file looks like. Deliberately absent: who the account belongs to
(``desk.identify``) and how often one may try (``limits.Throttle``). Hashing runs on threads, at most two at once, and
never on the loop.

Profile: RFC 9106 section 4, second recommendation (64 MiB, 3 passes, 4 lanes), as ``argon2-cffi`` names it ``RFC_9106_LOW_MEMORY``.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from adapters.web.limits import PASSWORD_BYTES_MAX
from bot.core.ids import NAME
from bot.errors import ConfigError

PASSWORD_MIN: Final = 12
"""ASVS 5.0 6.2.1 asks for 8, better 15."""
_FILE_BYTES_MAX: Final = 1024 * 1024
_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """The argon2id string to store; ValueError when the password is too short or too long."""
    if len(password) < PASSWORD_MIN:
        raise ValueError(f"A password needs at least {PASSWORD_MIN} characters.")
    if len(password.encode()) > PASSWORD_BYTES_MAX:
        raise ValueError("This password is too long.")
    return _HASHER.hash(password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def read_password_file(path: Path) -> dict[str, str]:
    """``NAME:ARGON2ID`` lines; ``#`` starts a comment. Refused as a whole when a line is not of that form (I13) or when
    others than the owner may read it."""
    try:
        info = path.stat()
        if info.st_mode & 0o077:
            raise ConfigError(f"{path.name} may be read by others; run: chmod 600 {path.name}")
        text = path.read_bytes()[: _FILE_BYTES_MAX + 1].decode()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path.name} cannot be read: {type(e).__name__}") from e
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, stored = line.strip().partition(":")
        if not NAME.fullmatch(name) or not stored.startswith("$argon2id$") or name in found:
            raise ConfigError(f"{path.name} line {number}: write NAME:$argon2id$…, each name once")
        found[name] = stored
    return found


class Passwords:
    """Checks a password. ``file`` is read again at each attempt, so that an edit takes effect at once."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._gate = asyncio.Semaphore(2)
        self._waiting = 0
        self._dummy: str | None = None

    @property
    def is_busy(self) -> bool:
        """Whether so many wait that another is turned away: 16 checks are about 4 s of two cores."""
        return self._waiting >= 16

    async def check(self, name: str, password: str, stored: str) -> bool:
        """Whether *password* is *name*'s. *stored* is the account's own hash, or empty; the password file has precedence."""
        self._waiting += 1
        try:
            async with self._gate:
                return await asyncio.to_thread(self._check, name, password, stored)
        finally:
            self._waiting -= 1

    def _check(self, name: str, password: str, stored: str) -> bool:
        if len(password.encode("utf-8", "surrogatepass")) > PASSWORD_BYTES_MAX:
            password = ""
        if self._file is not None:
            stored = read_password_file(self._file).get(name, stored)
        if self._dummy is None:
            self._dummy = _HASHER.hash("nobody has this password")
        ok = _verify(stored or self._dummy, password)
        return ok and bool(stored) and bool(password)
