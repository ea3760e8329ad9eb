"""All families of recognizers, by a fixed list of names.

A family file exports ``RECOGNIZERS`` (data), and may export ``RUN_RULES`` and ``TEXT_RULES`` (code for what data
cannot say). A name of the list whose file does not exist is skipped; a file that is not on the list is never read.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from types import ModuleType
from typing import Final

from masking.recognizer import Recognizer
from masking.rules import RunRule, TextRule

FAMILIES: Final = (
    "contact",
    "phone",
    "payment",
    "network",
    "dates",
    "vehicle",
    "medical",
    "address",
    "names",
    "name_cues",
    "labelled",
    "secrets",
    "secrets_cloud",
    "secrets_vendors",
    "secrets_generic",
    "secrets_commands",
    "ids_us",
    "ids_uk_ie",
    "ids_eu_west",
    "ids_eu_north",
    "ids_eu_south_west",
    "ids_eu_east_south",
    "ids_asia",
    "ids_south_asia",
    "ids_americas",
    "ids_oceania",
    "ids_africa_middle_east",
)


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every family module that is present, in the order of the list."""
    found = []
    for name in FAMILIES:
        path = f"{__name__}.{name}"
        if importlib.util.find_spec(path) is not None:
            found.append(importlib.import_module(path))
    return tuple(found)


def recognizers() -> tuple[Recognizer, ...]:
    return tuple(r for m in modules() for r in getattr(m, "RECOGNIZERS", ()))


def run_rules() -> tuple[RunRule, ...]:
    return tuple(r for m in modules() for r in getattr(m, "RUN_RULES", ()))


def text_rules() -> tuple[TextRule, ...]:
    return tuple(r for m in modules() for r in getattr(m, "TEXT_RULES", ()))
