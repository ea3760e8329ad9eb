"""Medical record numbers, NPI, DEA and medical licences.

Sources: 45 CFR 162.406 and the CMS NPI check digit paper (Luhn with 80840 in front); 21 CFR 1301 and DEA's check digit;
record numbers are each hospital's own: words decide.
"""

from __future__ import annotations

from masking.recognizer import Literals, Pattern, Recognizer, Shapes
from masking.validators import luhn


def npi(value: str) -> bool:
    digits = "".join(c for c in value if c.isdigit())
    return digits[:1] in {"1", "2"} and luhn("80840" + digits)


def dea(value: str) -> bool:
    """Two letters, six digits, and the last digit of (1st+3rd+5th) + 2 * (2nd+4th+6th)."""
    d = [int(c) for c in value[-7:]]
    return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]


RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="npi",
        type="NPI",
        patterns=(Pattern(Shapes(("0000000000",)), 0.02),),
        validator=npi,
        validated_score=0.2,
        context=("npi", "national provider", "provider"),
        source="45 CFR 162.406",
        positive=("NPI 1234567893",),
        negative=("NPI 1234567890", "order 1234567893"),
    ),
    Recognizer(
        name="dea",
        type="DEA",
        patterns=(Pattern(Shapes(("AA0000000", "A00000000")), 0.05, r"[ABCDEFGHJKLMPRSTUXabcdefghjklmprstux][A-Za-z9][0-9]{7}"),),
        validator=dea,
        validated_score=0.3,
        context=("dea", "prescriber", "registration", "physician", "doctor", "certificate"),
        source="21 CFR 1301; DEA registration number check digit",
        positive=("DEA number AB1234563",),
        negative=("DEA AB1234560", "part AB1234563"),
    ),
    Recognizer(
        name="medical-record",
        type="MEDICAL_RECORD",
        patterns=(
            Pattern(
                Literals(("mrn", "medical record", "patient id", "patient number", "chart number", "health record", "patient #"), 0, 50), 0.8,
                r"(?<![^\W_])(?i:mrn|medical record(?: number| no\.?| #)?|patient (?:id|number|#)|chart number|health record number)(?![^\W_])(?:\s?[:=#-]{1,2}|\s+(?i:is|no\.?|number))?\s{0,2}((?=[A-Z0-9-]{0,12}\d)[A-Z0-9]{2,12}(?:-[A-Z0-9]{2,12})?)(?![A-Za-z0-9])", group=1,
            ),
        ),
        source="HIPAA 45 CFR 164.514(b)(2)(H)",
        positive=("MRN: 00482913", "medical record number A12-3456", "Patient ID 77812"),
        negative=("MRN pending", "medical records are kept 7 years"),
    ),
)  # fmt: skip
