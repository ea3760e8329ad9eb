"""United States: social security number. Source: SSA, POMS RM 10201 (areas 000, 666, 900-999, group 00, serial 0000 never issued)."""

from __future__ import annotations

from masking.recognizer import Pattern, Recognizer, Shapes
from masking.validators import digits_of


def ssn(value: str) -> bool | None:
    d = digits_of(value)
    if len(d) != 9 or d[:3] in {"000", "666"} or d[0] == "9" or d[3:5] == "00" or d[5:] == "0000" or len(set(d)) == 1:
        return False
    return None


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="us-ssn",
        type="US_SSN",
        patterns=(
            Pattern(Shapes(("000-00-0000",)), 0.85),
            Pattern(Shapes(("000 00 0000", "000.00.0000")), 0.5),
            Pattern(Shapes(("000000000",)), 0.05),
        ),
        validator=ssn,
        context=("ssn", "social", "security", "social security", "ss", "tax", "taxpayer", "tin"),
        anti_context=("order", "ticket", "routing", "isbn"),
        source="SSA POMS RM 10201.030",
        positive=("SSN 536-90-4399", "social security number: 536904399", "536-90-4399"),
        negative=("000-12-3456", "666-12-3456", "536-00-4399", "order 536904399"),
    ),
)
