"""What operators count. A registry of our own; labels are closed words of ours: no agent, person, resource or action."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Instruments of the agents' API. Others may register theirs in the same *registry*."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self.answers = Counter(
            "signoff_http_answers",
            "Answers by route and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "signoff_http_seconds", "Time to the start of an answer; waits excluded.", ["route"], buckets=_BUCKETS, registry=self.registry
        )  # fmt: skip
        self.asks = Counter(
            "signoff_asks",
            "Requests taken in, by the state they were answered with.",
            ["state"],
            registry=self.registry,
        )
        self.refusals = Counter("signoff_refusals", "Refusals by reason.", ["reason"], registry=self.registry)
        self.votes = Counter(
            "signoff_api_votes", "Votes that counted, cast by API.", ["choice"], registry=self.registry
        )
        self.redeemed = Counter("signoff_redemptions", "Grants spent.", registry=self.registry)
        self.masked = Counter("signoff_masked", "Values masked on demand.", ["kind"], registry=self.registry)
        self.waiting = Gauge("signoff_waiting_agents", "Held long-polls.", registry=self.registry)
        self.streams = Gauge("signoff_event_streams", "Open event streams.", registry=self.registry)
        self.callbacks = Counter(
            "signoff_callbacks", "Callbacks by what became of them.", ["result"], registry=self.registry
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)
