"""Jinja2 templates that can only make JSON: every expression comes out as one JSON value, whatever stands in it.

Decided here: the sandbox, and that a quote, a brace or ``{{7*7}}`` in data stays data (T12, T22): ``finalize`` encodes every
expression, undefined names raise, templates come from our own packages and never from a request. Templates write ``null`` as a
list's last element and after dropped blocks; nulls in lists are removed after parsing, so that no template counts commas.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from jinja2 import PackageLoader, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

RENDERED_BYTES_MAX: Final = 200_000
"""No message comes near; a template that runs away is a bug and is refused."""


class RenderError(Exception):
    """A template gave no JSON or too much of it. Nothing is posted (I9)."""


def encode(value: object) -> str:
    """One expression as JSON text. Text is ASCII-escaped, so that no code point can be read as structure by anything."""
    if isinstance(value, Undefined):
        raise RenderError("a template names something that is not there")
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


class Templates:
    """The templates in *package*'s ``templates`` folder."""

    def __init__(self, package: str) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=PackageLoader(package, "templates"),
            undefined=StrictUndefined,
            autoescape=False,
            finalize=encode,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @property
    def filters(self) -> dict[str, Callable[..., Any]]:
        """A platform's own filters. They give values, which are encoded like any other; none can write raw text."""
        return self._environment.filters

    def render(self, name: str, **context: object) -> dict[str, Any]:
        """The template *name* as a JSON object, nulls in lists removed. Raises ``RenderError``."""
        produced = self._environment.get_template(name).render(**context)
        if len(produced) > RENDERED_BYTES_MAX:
            raise RenderError(f"{name} rendered {len(produced)} characters")
        try:
            value = json.loads(produced)
        except ValueError as error:
            raise RenderError(f"{name} did not render JSON: {error}") from error
        if not isinstance(value, dict):
            raise RenderError(f"{name} did not render an object")
        cleaned: dict[str, Any] = _without_nulls(value)
        return cleaned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
