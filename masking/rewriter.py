"""Operators other than the preview's placeholders: for data that goes on to be used, not to be looked at.

``partial`` keeps a card's or a phone's last four, an e-mail's domain; ``generalise`` keeps a date's year, an IP's
network, a postcode's first part, an age's decade (HIPAA 45 CFR 164.514(b)(2) is the model); ``synthetic`` writes an
invented value, the same one for the same value and key. What an operator cannot do for a type is redacted.
Note that partial, generalised, synthetic and format-preserving values look like values: scanned again, they are found again. So a
text is rewritten once (``once``), from one scan.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from masking import ff1
from masking.errors import MaskingError
from masking.operators import Numbering, Operator, Writing, last_four
from masking.tokens import Tokens, Vault

_YEAR: Final = re.compile(r"(?<!\d)(?:18|19|20)\d\d(?!\d)")
_GIVEN: Final = (
    "Alex",
    "Robin",
    "Sam",
    "Kim",
    "Dana",
    "Jamie",
    "Noa",
    "Kai",
    "Lou",
    "Mika",
    "Ari",
    "Toni",
    "Jo",
    "Sascha",
    "Remy",
    "Quinn",
)
_FAMILY: Final = (
    "Archer",
    "Baker",
    "Carter",
    "Dyer",
    "Fisher",
    "Glover",
    "Hunter",
    "Mason",
    "Miller",
    "Parker",
    "Potter",
    "Sawyer",
    "Tanner",
    "Turner",
    "Weaver",
    "Wright",
)
_PLACES: Final = (
    "Northfield",
    "Easton",
    "Southport",
    "Westbrook",
    "Midvale",
    "Lakeside",
    "Riverton",
    "Hillcrest",
)


TYPE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
"""What a type's name looks like, an operator's own too."""
KEYED: Final = frozenset({Operator.TOKEN, Operator.HMAC, Operator.FF1, Operator.SYNTHETIC, Operator.VAULT})


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Which operator for which type. *expires* is the end of the vault's tokens; *format_preserving* must be true for ``ff1``."""

    default: Operator = Operator.PLACEHOLDER
    by_type: tuple[tuple[str, Operator], ...] = ()
    expires: datetime | None = None
    format_preserving: bool = False

    @property
    def operators(self) -> frozenset[Operator]:
        return frozenset({self.default, *(operator for _, operator in self.by_type)})

    @property
    def needs_keys(self) -> bool:
        return bool(self.operators & KEYED)


class Rewriter:
    """One tenant's operators by type. *tokens* is needed for the keyed ones, *vault* for its own; asking for them without is a fault."""

    once: Final = True
    """What is written is not scanned again (``Engine.mask_text``)."""

    def __init__(
        self,
        how: Rewrite | Operator,
        tokens: Tokens | None = None,
        vault: Vault | None = None,
        numbering: Writing | None = None,
    ) -> None:
        """*numbering* counts placeholders; ``tally.BoundedNumbering`` for inputs of any size."""
        self._how = how = (
            how if isinstance(how, Rewrite) else Rewrite(how, format_preserving=how is Operator.FF1)
        )
        self._by_type = dict(how.by_type)
        self._tokens = tokens
        self._vault = vault
        self._numbering = numbering or Numbering()
        if tokens is None and how.needs_keys:
            raise MaskingError("this operator needs keys")
        if Operator.VAULT in how.operators and (vault is None or how.expires is None):
            raise MaskingError("vault tokens need a vault and a time at which they end")
        if Operator.FF1 in how.operators and not how.format_preserving:
            raise MaskingError("ff1 shows format and length and must be allowed first (format_preserving)")

    def placeholder(self, kind: str, value: str) -> str:
        match self._by_type.get(kind, self._how.default):
            case Operator.PLACEHOLDER:
                return self._numbering.placeholder(kind, value)
            case Operator.REDACT:
                return f"[{kind}]"
            case Operator.PARTIAL:
                return partial(kind, value)
            case Operator.TOKEN:
                return self._keyed().tokenize(kind, value)
            case Operator.VAULT:
                assert self._vault is not None
                assert self._how.expires is not None
                return self._vault.put(kind, value, self._how.expires)
            case Operator.HMAC:
                return self._keyed().mac(kind, value)
            case Operator.FF1:
                return self._format_preserving(kind, value)
            case Operator.SYNTHETIC:
                return synthetic(kind, value, self._keyed().digest(kind, value))
            case Operator.GENERALISE:
                return generalised(kind, value)
            case Operator.KEEP:
                return value

    def _keyed(self) -> Tokens:
        if self._tokens is None:
            raise MaskingError("this operator needs keys")
        return self._tokens

    def _format_preserving(self, kind: str, value: str) -> str:
        if not ff1.takes(value):
            return f"[{kind}]"
        return ff1.encrypt_digits(self._keyed().format_key(), kind.encode(), value)


def partial(kind: str, value: str) -> str:
    """As much as tells a person which one is meant."""
    if kind == "EMAIL_ADDRESS":
        return "***@" + value.rpartition("@")[2]
    if tail := last_four(kind, value):
        return "***" + tail[-4:]
    return f"[{kind}]"


def generalised(kind: str, value: str) -> str:
    """The value's class: year, network, district, decade."""
    if kind in {"DATE_OF_BIRTH", "DATE"} and (year := _YEAR.search(value)):
        return year[0]
    if kind == "AGE" and (number := re.search(r"\d{1,3}", value)):
        years = int(number[0])
        return "90+" if years >= 90 else f"{years // 10 * 10}-{years // 10 * 10 + 9}"
    if kind == "IP_ADDRESS":
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return f"[{kind}]"
        return str(ipaddress.ip_network(f"{value}/{24 if address.version == 4 else 48}", strict=False))
    if kind.endswith(("POSTCODE", "POSTAL_CODE", "PLZ", "ZIP_CODE")):
        return value[:3] + "**" if value[:3].isdigit() else value.split(" ", maxsplit=1)[0][:3] + " ***"
    return f"[{kind}]"


def synthetic(kind: str, value: str, seed: bytes) -> str:
    """An invented value of the same kind, from *seed* alone; reserved ranges, so that it is nobody's."""
    n = int.from_bytes(seed[:8], "big")
    match kind:
        case "PERSON":
            return f"{_GIVEN[n % 16]} {_FAMILY[n // 16 % 16]}"
        case "EMAIL_ADDRESS":
            return f"user{n % 10**8:08d}@example.com"  # RFC 2606
        case "PHONE_NUMBER":
            return f"+1-{200 + n % 700}-555-01{n // 700 % 100:02d}"  # NANPA: 555-0100 to 555-0199 are for fiction
        case "IP_ADDRESS":
            return f"192.0.2.{n % 256}"  # RFC 5737
        case "LOCATION":
            return _PLACES[n % 8]
        case "ADDRESS":
            return f"{1 + n % 999} {_FAMILY[n // 999 % 16]} Street, {_PLACES[n // 15984 % 8]}"
        case "DATE_OF_BIRTH":
            return f"{1940 + n % 65}-{1 + n // 65 % 12:02d}-{1 + n // 780 % 28:02d}"
        case _:
            return f"[{kind}]"
