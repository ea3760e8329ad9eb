"""Dates of birth and ages: a date is personal only when words say it is somebody's birth.

Sources: ISO 8601, RFC 3339 and the written forms of English, German, French and Spanish; HIPAA 45 CFR 164.514(b)(2)(C).
"""

from __future__ import annotations

from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer

_MONTH: Final = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]vr(?:ier)?|mar(?:ch|s|zo)?|märz|apr(?:il)?|avril|abril|may|mai|mayo|jun[ei]?|juin|junio|jul[iy]?|juil(?:let)?|julio|"
    r"aug(?:ust)?|ao[uû]t|agosto|sep(?:t(?:ember|embre|iembre)?)?|o[ck]t(?:ober|obre|ubre)?|nov(?:ember|embre|iembre)?|de[cz](?:ember|embre|iembre)?|enero|febrero|diciembre)\.?"
)
DATE: Final = (
    r"(?:(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?:T00:00:00\S{0,6})?|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:(?:18|19|20)\d\d|\d\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?\s?(?:of |de )?-?"
    + _MONTH
    + r",?[-\s/]?(?:de )?(?:(?:18|19|20)\d\d|\d\d)|"
    + _MONTH
    + r"[\s/](?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:,?\s(?:18|19|20)\d\d)?|(?:19|20)\d{6})(?!\d)"
)
_WORDS: Final = (
    "birth",
    "dob",
    "d.o.b",
    "born",
    "geburtsdatum",
    "geboren",
    "geb.",
    "né le",
    "née le",
    "naissance",
    "nacimiento",
    "nacido",
    "nacida",
    "data di nascita",
    "nascimento",
    "geboortedatum",
)

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="date-of-birth",
        type="DATE_OF_BIRTH",
        patterns=(Pattern(Literals(_WORDS, 0, 60), 0.9, r"(?<![^\W_])(?:birth|dob|d\.o\.b|born|geburtsdatum|geboren|geb\.|n[ée]e? le|naissance|nacimiento|nacid[oa]|nascita|nascimento|geboortedatum)(?![^\W_])(?=[^\d\n]{0,40}\d)[^\d\n]{0,24}?(?<!\d)(" + DATE + ")", group=1, ignore_case=True),),
        source="ISO 8601; HIPAA 45 CFR 164.514(b)(2)(C)",
        positive=("DOB: 04/12/1987", "born on March 3, 1975", "date of birth 1990-01-31", "geboren am 3. Mai 1962"),
        negative=("released 2021-03-04", "born in Paris", "birthday party on Friday"),
    ),
    Recognizer(
        name="age",
        type="AGE",
        patterns=(
            Pattern(Literals(("year", "yo ", "y/o", "yrs", "jahre", "años", " ans"), 8, 14), 0.6, r"(?<![\w.,$€-])(?:1[01]\d|[1-9]?\d)[\s-]?(?:years?[\s-]old|year-old|yrs?[\s-]old|y/?o\b|jahre alt|años de edad)", ignore_case=True),
            Pattern(Literals(("age", "aged", "alter", "edad"), 0, 16), 0.6, r"(?<![^\W_])(?:aged?|alter|edad)(?![^\W_])(?:\s?[:=]\s?|\s+(?:of\s|is\s)?)(1[01]\d|[1-9]?\d)(?![\w.,:/-]\d|\d|%|\s?(?:ms|s|min|hours?|days?|weeks?))", group=1, ignore_case=True),
        ),
        source="HIPAA 45 CFR 164.514(b)(2)(C): ages over 89, and any when with a name",
        positive=("a 47-year-old man", "Age: 62", "she is 33 years old"),
        negative=("page 12", "message 33", "max-age=3600", "storage: 40"),
    ),
)  # fmt: skip
