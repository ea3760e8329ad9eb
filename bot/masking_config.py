"""From the ``masking`` section of the configuration to the engine's own settings. Nothing is decided here."""

from __future__ import annotations

from bot.config import Masking
from masking import CustomRecognizer, EngineConfig
from masking.child import DeepSettings
from masking.operators import Operator
from masking.rewriter import Rewrite


def rewrite_of(settings: Masking) -> Rewrite:
    """What ``masking.rewrite`` says; without an end for vault tokens, which depends on the clock."""
    rewrite = settings.rewrite
    return Rewrite(
        Operator(rewrite.default),
        tuple(sorted((kind, Operator(name)) for kind, name in rewrite.types.items())),
        format_preserving=rewrite.format_preserving,
    )


def deep_settings(settings: Masking) -> DeepSettings | None:
    """What the worker needs to know of the deep tier; None where it is not asked for."""
    return (
        DeepSettings(settings.deep.budget_ms / 1000, settings.deep.model)
        if settings.deep is not None
        else None
    )


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
