"""Persons and places by the model of ``masking.names``.

Source: a linear-chain model over word features (Lafferty, McCallum, Pereira 2001), trained by
``benchmarks/masking_names/train.py``; the data's attribution stands in NOTICE.
"""

from __future__ import annotations

from functools import cache

from masking.names.tagger import Tagger
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

BIAS = 0.6
"""Taken from O: a missed name costs more than a masked word. Set on the training script's held-out sentences."""


@cache
def _tagger() -> Tagger:
    return Tagger(BIAS)


def find(view: View) -> list[Span]:
    return _tagger().find(view.folded)


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="names",
        type="PERSON",
        find=find,
        source="trained model, see benchmarks/masking_names",
        positive=("My name is Maria Gonzalez.", "Dear Mr. Johnson,", "please call John Smith"),
        negative=("the quick brown fox", "def parse(self): return None"),
        model=True,
    ),
)
