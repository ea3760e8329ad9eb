"""Masking off the event loop. With ``masking.pool``, ``masking.child``, ``masking.deep`` and the command line the only part of this package that touches
the outside world.

Small inputs run in place: the engine is linear, so a few KiB take a millisecond. Larger ones go to a child process (spawned, one engine
each), batched with what else is queued. Every failure, of whatever kind, is a :class:`MaskingError`: nothing that was not masked ever
comes back. The one exception proves it: when the deep tier fails or is late, what comes back is what the fast tier masked.
"""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import Final, Literal, Self

from masking.child import DeepSettings, Rewritten, Setup, work
from masking.config import EngineConfig
from masking.deep import lacking
from masking.document import JSON, MaskedDocument
from masking.engine import Engine
from masking.errors import MaskingError
from masking.masked import Masked
from masking.pool import Pool
from masking.rewriter import Rewrite
from masking.tokens import SealedValue, TokenKeys, Tokens

INLINE_BYTES_MAX: Final = 4096
"""Measured: 4 KiB of dense JSON is about 2 ms; the hand-over to a child costs 0.3 ms and a context switch."""
DEEP_GRACE_SECONDS: Final = 0.25
"""How much later than its deadline the deep tier's answer is still taken: one window (0.04 s), the fast tier, and the pipe."""
DEEP_REST_SECONDS: Final = 60.0
"""After a deep child that did not start. Previews are the fast tier's for that long."""
CHILD: Final = "masking.child"

Kind = Literal["json", "text", "preview"]


class Worker:
    """Start once, use from one event loop, stop once."""

    def __init__(
        self,
        engine_config: EngineConfig | None = None,
        workers: int = 1,
        timeout_seconds: float = 5.0,
        max_bytes: int = 8 * 1024 * 1024,
        inline_bytes_max: int = INLINE_BYTES_MAX,
        tokens: tuple[TokenKeys, str] | None = None,
        deep: DeepSettings | None = None,
    ) -> None:
        """*tokens*: keys and tenant, for the keyed operators. *deep*: the deep tier, in a process of its own."""
        self._config = engine_config or EngineConfig()
        self._tokens = Tokens(*tokens) if tokens is not None else None
        self._max_bytes = max_bytes
        self._inline_max = inline_bytes_max
        self._engine: Engine | None = None
        self._pool = Pool(CHILD, pickle.dumps(Setup(self._config, tokens, None)), workers, timeout_seconds)
        self._deep_settings = deep
        self.deep_lack = lacking(deep.model) if deep is not None else ""
        """Why there is no deep tier although it was asked for; empty when there is, or when nobody asked."""
        self._deep: Pool | None = None
        if deep is not None and not self.deep_lack:
            setup = pickle.dumps(Setup(self._config, None, deep))
            self._deep = Pool(
                CHILD,
                setup,
                1,
                timeout_seconds + deep.budget_seconds,
                rest_seconds=DEEP_REST_SECONDS,
                is_eager=True,
            )
        self._running = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Build the engine. A second start does nothing."""
        if self._running:
            return
        self._engine = await asyncio.to_thread(Engine, self._config)
        self._running = True
        self._pool.start()
        if self._deep is not None:
            self._deep.start()

    async def stop(self) -> None:
        """Kill the children and refuse what is queued. A second stop does nothing."""
        self._running = False
        await self._pool.stop()
        if self._deep is not None:
            await self._deep.stop()

    async def mask_json(self, value: JSON) -> MaskedDocument:
        """The masked document, or :class:`MaskingError`."""
        result = (await self._masked("json", value, None)).result
        assert isinstance(result, MaskedDocument)
        return result

    async def mask_text(self, text: str) -> Masked:
        """The masked text, or :class:`MaskingError`."""
        result = (await self._masked("text", text, None)).result
        assert isinstance(result, Masked)
        return result

    async def rewrite_json(self, value: JSON, how: Rewrite) -> tuple[MaskedDocument, tuple[SealedValue, ...]]:
        """As :meth:`mask_json` by the operators of *how*. The vault's records must be stored before the document is shown to anybody."""
        done = await self._masked("json", value, how)
        assert isinstance(done.result, MaskedDocument)
        return done.result, done.sealed

    async def rewrite_text(self, text: str, how: Rewrite) -> tuple[Masked, tuple[SealedValue, ...]]:
        done = await self._masked("text", text, how)
        assert isinstance(done.result, Masked)
        return done.result, done.sealed

    async def preview(self, value: JSON, fast: MaskedDocument) -> MaskedDocument:
        """*fast* (``mask_json`` of the same *value*), or the same with what the deep tier adds within its budget.

        Never raises for what the deep tier does: it is an addition, and without it *fast* stands.
        """
        if self._deep is None or self._deep_settings is None:
            return fast
        budget = self._deep_settings.budget_seconds
        try:
            payload = pickle.dumps((value, time.monotonic() + budget))
            if len(payload) > self._max_bytes:
                return fast
            async with asyncio.timeout(budget + DEEP_GRACE_SECONDS):
                deep = await self._deep.ask("preview", payload)
        except (MaskingError, TimeoutError, pickle.PicklingError, TypeError, RecursionError):
            return fast
        return deep if isinstance(deep, MaskedDocument) and _hides_as_much(deep, fast) else fast

    async def _masked(self, kind: Kind, value: JSON, how: Rewrite | None) -> Rewritten:
        engine = self._ready()
        if kind == "text" and not isinstance(value, str):
            raise MaskingError("only text can be masked")
        if how is not None and how.needs_keys and self._tokens is None:
            raise MaskingError("there is no key for tokens")
        try:
            payload = pickle.dumps((value, how))
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError, ValueError):
            raise MaskingError("the document is not JSON, or nested too deeply") from None
        if len(payload) > self._max_bytes:
            raise MaskingError("the input is larger than masking may take")
        if len(payload) <= self._inline_max:
            return work(engine, self._tokens, kind, value, how)
        done = await self._pool.ask(kind, payload)
        expected = MaskedDocument if kind == "json" else Masked
        if not isinstance(done, Rewritten) or not isinstance(done.result, expected):
            raise MaskingError("the masking process answered something else")
        return done

    def _ready(self) -> Engine:
        if not self._running or self._engine is None:
            raise MaskingError("masking is not running")
        return self._engine


def _hides_as_much(deep: MaskedDocument, fast: MaskedDocument) -> bool:
    """The same leaves, and none that *fast* hid a part of is shown whole."""
    return len(deep.leaves) == len(fast.leaves) and all(
        d.pointer == f.pointer and (d.hidden or not f.hidden)
        for d, f in zip(deep.leaves, fast.leaves, strict=True)
    )
