"""From the ``masking`` section of the configuration to the engine's own settings. Nothing is decided here."""

from __future__ import annotations

from bot.config import Masking
from masking import CustomRecognizer, EngineConfig


def engine_config(settings: Masking) -> EngineConfig:
    """Every field of *settings* that concerns detection; the pool's size and time limit are the worker's."""
    custom = tuple(
        CustomRecognizer(
            name=r.name,
            type=r.type,
            pattern=r.pattern,
            score=r.score,
            context=tuple(r.context),
            validator=r.validator,
            ignore_case=r.ignore_case,
        )
        for r in settings.recognizers
    )
    return EngineConfig(
        threshold=settings.threshold,
        off=frozenset(settings.off),
        names=settings.names,
        custom=custom,
        allow=frozenset(settings.allow),
        allow_patterns=tuple(settings.allow_patterns),
        deny=tuple(sorted(settings.deny.items())),
    )
