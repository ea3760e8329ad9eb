"""Digit runs: every shape that a recognizer asks for is offered to it."""

from __future__ import annotations

import pytest

from masking import Engine, detect
from masking.compiled import compile_rules
from masking.config import EngineConfig
from masking.recognizer import Shapes
from masking.view import View

INDEX = compile_rules(EngineConfig()).index
SHAPED = [r for r in detect.recognizers() if any(isinstance(p.anchor, Shapes) for p in r.patterns)]


@pytest.mark.parametrize("recognizer", SHAPED, ids=lambda r: r.name)
@pytest.mark.parametrize("around", ["zz: {} ", "{}", "{}.", "no 12 and {}, 5 more"])
def test_every_shape_of_a_recognizer_is_reached_wherever_it_stands(recognizer, around):
    missed = []
    for pattern in recognizer.patterns:
        for shape in pattern.anchor.shapes if isinstance(pattern.anchor, Shapes) else ():
            text = around.format(shape.replace("0", "7"))
            start = around.index("{")
            places = {
                (offset + s, offset + e)
                for offset, groups in INDEX.runs(View(text).shape)
                for rule, spots in groups
                if rule.name == recognizer.name
                for s, e, _ in spots
            }
            if (start, start + len(shape)) not in places:
                missed.append(shape)

    assert not missed


def test_shapes_are_made_of_digits_letters_and_joins_alone():
    strange = [
        shape
        for recognizer in SHAPED
        for pattern in recognizer.patterns
        if isinstance(pattern.anchor, Shapes)
        for shape in pattern.anchor.shapes
        if set(shape) - set("0A-. /()+") or "0" not in shape
    ]

    assert not strange


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("her MBI is 1EG4-TE5-MK73 as shown", "US_MBI", "1EG4-TE5-MK73"),
        ("Sozialversicherungsnummer 15 070649 C 103", "DE_SOCIAL_SECURITY", "15 070649 C 103"),
        ("cartão de cidadão 00000000 0 ZZ4.", "PT_CITIZEN_CARD", "00000000 0 ZZ4"),
        ("plaka 34 ABC 123 olan", "TR_LICENSE_PLATE", "34 ABC 123"),
        ("vehicle MH 12 AB 1234 was seen", "IN_VEHICLE_REGISTRATION", "MH 12 AB 1234"),
        ("paid 12 for 4111 1111 1111 1111 now", "CREDIT_CARD", "4111 1111 1111 1111"),
    ],
)
def test_a_number_with_letters_in_its_middle_is_found_and_takes_none_from_its_neighbour(text, kind, value):
    spans = Engine(EngineConfig(names=False)).scan(text)

    assert [(s.type, text[s.start : s.end]) for s in spans] == [(kind, value)]
