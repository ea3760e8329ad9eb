"""The leaf's JSON Schema, made from the lists that the writer enforces. Pure.

``manifest/entry.schema.json`` is this, written down; a test keeps the two equal. Its hash stands in the
first entry of every log.
"""

from hashlib import sha256
from typing import Any, Final

from audit.canonical import encode
from audit.chain import b64u
from audit.fields import CODE, FIELDS, HASH, ID, INT_MAX, LIST_MAX, REF, SUFFIXES, VERSION, Field, Shape
from audit.kinds import CODE_OF, EntryType, Outcome

_B64U32: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of an entry, version 1."""
    text = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:signoff:audit:entry:1",
        "title": "Signoff audit entry",
        "type": "object",
        "required": ["act", "code", "id", "log", "outcome", "prev", "seq", "src", "ts", "type", "v"],
        "additionalProperties": False,
        "properties": {
            "act": _object(
                {
                    "auth": {"type": "string", "pattern": _anchored(CODE.pattern, empty=True)},
                    "kind": {"enum": ["human", "agent", "system"]},
                    "ref": _pattern(REF.pattern),
                }
            ),
            "c": {
                "type": "object",
                "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,39}$"},
                "additionalProperties": _B64U32,
            },
            "clk": {"const": "clamped"},
            "code": {"enum": sorted(CODE_OF.values())},
            "data": {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: _field(field) for name, field in sorted(FIELDS.items())},
                "patternProperties": {
                    f"^[a-z][a-z0-9_]*{suffix}$": _field(field) for suffix, field in sorted(SUFFIXES.items())
                },
            },
            "id": _pattern(ID.pattern),
            "log": text,
            "outcome": {"enum": [o.value for o in Outcome]},
            "pol": _object({"hash": _pattern(HASH.pattern), "id": _pattern(REF.pattern), "rev": _number()}),
            "prev": _B64U32,
            "req": _pattern(ID.pattern),
            "seq": {"type": "integer", "minimum": 0, "maximum": INT_MAX},
            "src": _object({"replica": _pattern(REF.pattern), "ver": _pattern(VERSION.pattern)}),
            "tenant": _pattern(REF.pattern),
            "tool": _object({"id": _pattern(CODE.pattern), "risk": _pattern(CODE.pattern)}),
            "ts": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
            "type": {"enum": [t.value for t in EntryType]},
            "v": {"const": 1},
        },
    }


def schema_hash() -> str:
    """base64url of SHA-256 over the schema's canonical bytes."""
    return b64u(sha256(encode(schema())).digest())


def _field(field: Field) -> dict[str, Any]:
    match field.shape:
        case Shape.TEXT:
            return _pattern(field.form.pattern if field.form else "")
        case Shape.NUMBER:
            return _number()
        case Shape.FLAG:
            return {"type": "boolean"}
        case Shape.TEXTS:
            return {
                "type": "array",
                "maxItems": LIST_MAX,
                "items": _pattern(field.form.pattern if field.form else ""),
            }
        case Shape.NUMBERS:
            return {"type": "array", "maxItems": LIST_MAX, "items": _number()}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": sorted(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _pattern(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": _anchored(pattern)}


def _anchored(pattern: str, *, empty: bool = False) -> str:
    return f"^(?:{pattern}){'?' if empty else ''}$"


def _number() -> dict[str, Any]:
    return {"type": "integer", "minimum": -INT_MAX, "maximum": INT_MAX}
