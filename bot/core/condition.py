"""Conditions in CEL (the Common Expression Language, cel-spec), compiled once, evaluated with everything bound.

Decided here: which names a condition may use and how an evaluation can end. An error of any kind is an error, never a
no (I9). Bounded (T21): an expression's length, CEL's own recursion limit and iteration budget, no user functions.

Names: ``action`` (string), ``resource`` (type, id, env), ``parameters``, ``context`` (what the agent sent, or ``{}``),
``agent`` (id, owners), ``on_behalf_of`` (string, empty when nobody), ``data.classes`` (list of class names found by masking),
``data.count`` (how many values).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel

EXPRESSION_CHARS_MAX: Final = 2_000
"""A condition that does not fit in 25 lines cannot be reviewed; it also bounds compile time."""

NAMES: Final = ("action", "resource", "parameters", "context", "agent", "on_behalf_of", "data")
_DYN: Final = cel.Type.DYN
_ENV: Final = cel.NewEnv(
    variables={
        "action": cel.Type.STRING,
        "resource": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
        "parameters": _DYN,
        "context": _DYN,
        "agent": _DYN,
        "on_behalf_of": cel.Type.STRING,
        "data": _DYN,
    }
)


_FAILED: Final = "The condition could not be evaluated on this request."


class ConditionError(ValueError):
    """The expression does not compile, or did not give what it must."""


class Condition:
    """One compiled expression and the kind of value it must give."""

    __slots__ = ("_expression", "_kinds", "text")

    def __init__(self, text: str, kinds: tuple[Any, ...]) -> None:
        self.text = text
        self._kinds = kinds
        self._expression = _compiled(text)
        declared = self._expression.return_type()
        if declared not in (*kinds, _DYN):
            raise ConditionError(f"`{text[:80]}` gives {declared}, not {' or '.join(str(k) for k in kinds)}.")

    def evaluate(self, context: Context) -> Any:
        """The value; ``ConditionError`` when CEL reports an error or another kind of value."""
        # CEL's own words may quote a key of the payload: they are not passed on (I10).
        try:
            result = self._expression.eval(context.activation)
        except RuntimeError:  # its budget of iterations is spent
            raise ConditionError(_FAILED) from None
        if result.type() not in self._kinds:
            raise ConditionError(_FAILED)
        return result.value()


class Context:
    """What one request's conditions see, converted once."""

    __slots__ = ("activation",)

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.activation = _ENV.Activation({name: names[name] for name in NAMES})


def compile_condition(text: str) -> Condition:
    """A yes-or-no expression. Raises ``ConditionError`` with CEL's own complaint."""
    return Condition(text, (cel.Type.BOOL,))


def compile_number(text: str) -> Condition:
    """An expression that gives a number."""
    return Condition(text, (cel.Type.INT, cel.Type.UINT, cel.Type.DOUBLE))


def _compile(text: str) -> Any:
    if not text.strip():
        raise ConditionError("A condition is empty; write `true` to match every request.")
    if len(text) > EXPRESSION_CHARS_MAX:
        raise ConditionError(f"A condition has {len(text)} characters; at most {EXPRESSION_CHARS_MAX}.")
    try:
        return _ENV.compile(text)
    except RuntimeError as e:
        first = str(e).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")
        raise ConditionError(f"`{text[:80]}` is not a condition: {first}") from e


_compiled: Final = lru_cache(maxsize=2048)(_compile)
