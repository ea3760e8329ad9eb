"""Vehicle identification numbers and plates. Sources: ISO 3779, 49 CFR 565.15 (check digit); plates have words or nothing."""

from __future__ import annotations

import re
from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer
from masking.rules import RunForms, RunRule

_VALUES: Final = dict(
    zip(
        "ABCDEFGHJKLMNPRSTUVWXYZ0123456789",
        (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9, *range(10)),
        strict=True,
    )
)
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin(value: str) -> bool | None:
    """49 CFR 565.15(c). Outside North America the ninth place is free, hence no refusal."""
    total = sum(w * _VALUES.get(c, 0) for w, c in zip(_WEIGHTS, value.upper(), strict=True))
    if "0123456789X"[total % 11] == value[8].upper():
        return True
    return None


_VIN_RUN: Final = re.compile(r"(?<![A0])(?=[A0]{0,12}0)[A0]{13}0000(?![A0])")


def find_vin(shape: str) -> tuple[tuple[int, int, float], ...]:
    """Seventeen characters with the running number in the last four; a VIN has letters, and a key of digits alone none."""
    return tuple(
        (m.start(), m.end(), VIN_SCORE)
        for m in _VIN_RUN.finditer(shape)
        if VIN_LETTERS_MIN <= m[0].count("A") <= VIN_LETTERS_MAX
    )


VIN_SCORE: Final = 0.05
VIN_LETTERS_MIN: Final = 3
VIN_LETTERS_MAX: Final = 12
_VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def bare_vin(value: str) -> bool | None:
    """In capitals and without I, O and Q; certain only for North America (first place 1 to 5), where the check digit is law."""
    if not _VIN.fullmatch(value):
        return False
    return True if value[0] in "12345" and vin(value) else None


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="vin",
        type="VIN",
        patterns=(Pattern(Literals(("vin", "vehicle", "chassis", "car", "fahrgestell"), 0, 60), 0.35, r"(?i:vin|vehicle|chassis|car|fahrgestell)[^\n]{0,36}?(?<![A-Za-z0-9])([A-HJ-NPR-Z0-9]{17})(?![A-Za-z0-9])", group=1),),
        validator=vin,
        validated_score=0.95,
        context=("vin", "vehicle", "chassis"),
        source="ISO 3779; 49 CFR 565.15",
        positive=("VIN 1HGCM82633A004352", "vehicle id: 1M8GDM9AXKP042788"),
        negative=("vin of the year", "vehicle 12345"),
    ),
    Recognizer(
        name="license-plate",
        type="LICENSE_PLATE",
        patterns=(
            Pattern(
                Literals(("plate", "registration", "kennzeichen", "vrm", "vehicle reg"), 0, 50), 0.75,
                r"(?i:licen[sc]e plate|number plate|\bplate|vehicle registration|vehicle reg|kennzeichen|vrm)(?i: number| no\.?)?(?i:\s?[:=#]|\s+is)?\s{0,2}\b((?=[A-Z0-9 -]{0,9}\d)(?=[A-Z0-9 -]{0,9}[A-Z])[A-ZÄÖÜ0-9]{1,4}[- ]?[A-Z0-9]{1,4}(?:[- ][A-Z0-9]{1,4})?)\b", group=1,
            ),
        ),
        source="no common format; ISO 3166 countries differ: the words decide",
        positive=("license plate 7ABC123", "Number plate: 1234 BCD"),
        negative=("plate tectonics", "license plate reader"),
    ),
)  # fmt: skip

RUN_RULES: tuple[RunRule, ...] = (
    RunRule(
        name="vin-bare",
        type="VIN",
        find=find_vin,
        forms=RunForms("plain", ((_VIN_RUN.pattern, VIN_SCORE),), VIN_LETTERS_MIN, VIN_LETTERS_MAX),
        validator=bare_vin,
        validated_score=0.7,
        context=("vin", "vehicle", "chassis", "car", "fahrgestellnummer"),
        source="ISO 3779; 49 CFR 565.15",
        positive=("sold 1HGCM82633A004352 yesterday", "car: WVWZZZ1JZXW000010"),
        negative=("sold 1HGCM82633A004353 yesterday", "key 0A1B2C3D4E5F60718"),
    ),
)
