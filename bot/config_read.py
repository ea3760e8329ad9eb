"""From a YAML document to closed structs, one clear sentence when it does not fit.

Decided here: an unknown key stops the reading and names the nearest right one (a misspelt limit must never become no
limit: I13); every complaint has its line; a secret never stands in the file itself but in the environment
(``key: env:NAME``) or in a file that only its owner can read (``key_file: PATH``); paths are relative to the
configuration file. Deliberately absent: which settings there are (``config``), and any default.
"""

from __future__ import annotations

import difflib
import stat
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from bot.core import duration
from bot.core.yaml_strict import Document
from bot.core.yaml_strict import Path as Where
from bot.errors import ConfigError
from bot.secret import Secret

SECRET_BYTES_MAX: Final = 64 * 1024
"""Longest secret file that is read: a PEM key has a few KiB."""
ENV: Final = "env:"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """What a configuration is read from. ``base`` is the folder of the file, ``env`` the process's environment."""

    document: Document
    base: Path
    env: Mapping[str, str]
    name: str = "signoff.yaml"

    def read(self, kind: type[T]) -> T:
        """The whole document as *kind*; ``ConfigError`` with line and remedy otherwise."""
        value = self.document.value
        if value is None:
            value = {}
        made: T = self._struct(kind, value, ())
        return made

    def fail(self, where: Where, why: str) -> NoReturn:
        place = ".".join(str(part) for part in where) or "the file"
        raise ConfigError(f"{self.name} line {self.document.line(where)}: {place}: {why}")

    def _value(self, hint: Any, value: Any, where: Where) -> Any:
        core, bounds = _bare(hint)
        if typing.get_origin(core) in (typing.Union, types.UnionType):
            options = [option for option in typing.get_args(core) if option is not type(None)]
            if value is None and len(options) < len(typing.get_args(core)):
                return None
            core, bounds = _bare(options[0]) if len(options) == 1 else (core, bounds)
        origin = typing.get_origin(core)
        if isinstance(core, type) and issubclass(core, msgspec.Struct):
            return self._struct(core, value, where)
        if origin is list or origin is tuple:
            return self._items(core, origin, bounds, value, where)
        if origin is dict:
            return self._table(core, value, where)
        if core is timedelta:
            return self._duration(value, where)
        if core is Path:
            return self._path(value, where)
        if core is Secret:
            return self._secret(value, where)
        return self._checked(hint, self._leaf(hint, value, where), where)

    def _checked(self, hint: Any, value: Any, where: Where) -> Any:
        """*value*, looked at by the checks that its setting names (``Meta(extra={"check": …})``), which raise ``ValueError``."""
        for check in _checks(hint):
            try:
                check(value)
            except ValueError as error:
                self.fail(where, str(error))
        return value

    def _struct(self, kind: Any, value: Any, where: Where) -> Any:
        if not isinstance(value, dict):
            self.fail(where, "needs keys and values below it")
        hints = typing.get_type_hints(kind, include_extras=True)
        known = set(hints) | {f"{name}_file" for name, hint in hints.items() if _is_secret(hint)}
        made: dict[str, Any] = {}
        for key, item in value.items():
            at = (*where, key)
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.6)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
                self.fail(at, f"no such setting; {hint}")
            name = key.removesuffix("_file") if key not in hints else key
            if name in made:
                self.fail(at, f"both {name} and {name}_file are given; keep one")
            made[name] = self._value(hints[name], item, at) if name == key else self._secret_file(item, at)
        try:
            return kind(**made)
        except TypeError:
            missing = [f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in made]
            self.fail(where, f"{' and '.join(missing)} must be given")
        except ValueError as error:
            self.fail(where, str(error))

    def _items(self, core: Any, origin: Any, bounds: Any, value: Any, where: Where) -> Any:
        if not isinstance(value, list):
            self.fail(where, "needs a list, such as [a, b]")
        if bounds is not None and bounds.max_length is not None and len(value) > bounds.max_length:
            self.fail(where, f"has {len(value)} items; at most {bounds.max_length}")
        item = typing.get_args(core)[0]
        return origin(self._value(item, one, (*where, index)) for index, one in enumerate(value))

    def _table(self, core: Any, value: Any, where: Where) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(where, "needs keys and values below it")
        item = typing.get_args(core)[1]
        return {key: self._value(item, one, (*where, key)) for key, one in value.items()}

    def _duration(self, value: Any, where: Where) -> timedelta:
        if not isinstance(value, str):
            self.fail(where, "needs a duration with its unit, such as 90s, 30m, 12h or 7d")
        try:
            return duration.parse(value)
        except ValueError as error:
            self.fail(where, str(error))

    def _path(self, value: Any, where: Where) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            self.fail(where, "needs the path of a file or folder")
        return self.base / Path(value).expanduser()

    def _secret(self, value: Any, where: Where) -> Secret:
        if not isinstance(value, str) or not value.startswith(ENV):
            # The value may be the secret itself: it is not quoted.
            self.fail(
                where, f"a secret does not stand in this file; write env:NAME, or use {where[-1]}_file: PATH"
            )
        name = value.removeprefix(ENV)
        found = self.env.get(name, "")
        if not found:
            self.fail(where, f"the environment variable {name} is not set")
        return Secret(found)

    def _secret_file(self, value: Any, where: Where) -> Secret:
        path = self._path(value, where)
        try:
            if path.stat().st_mode & (stat.S_IRWXO | stat.S_IRWXG):
                self.fail(where, f"{path} may be read by others; run chmod 600 {path}")
            with path.open("rb") as file:
                raw = file.read(SECRET_BYTES_MAX + 1)
        except OSError as error:
            self.fail(where, f"{path} cannot be read: {error.strerror}")
        if len(raw) > SECRET_BYTES_MAX:
            self.fail(where, f"{path} is larger than {SECRET_BYTES_MAX} bytes")
        try:
            text = raw.decode().removesuffix("\n")
        except UnicodeDecodeError:
            self.fail(where, f"{path} is not text")
        if not text:
            self.fail(where, f"{path} is empty")
        return Secret(text)

    def _leaf(self, hint: Any, value: Any, where: Where) -> Any:
        try:
            return msgspec.convert(value, hint, strict=True)
        except msgspec.ValidationError as error:
            self.fail(where, str(error).removesuffix(" - at `$`"))


def _bare(hint: Any) -> tuple[Any, msgspec.Meta | None]:
    """The type below ``Annotated``, and its bounds."""
    bounds = None
    while typing.get_origin(hint) is typing.Annotated:
        core, *notes = typing.get_args(hint)
        bounds = next((note for note in notes if isinstance(note, msgspec.Meta) and note.max_length), bounds)
        hint = core
    return hint, bounds


def _checks(hint: Any) -> list[Callable[[Any], None]]:
    found = []
    while typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        found += [note.extra["check"] for note in notes if isinstance(note, msgspec.Meta) and note.extra]
    return found


def _is_secret(hint: Any) -> bool:
    core, _ = _bare(hint)
    return Secret in (core, *typing.get_args(core))
