"""What operators count about the log's outside: how far each anchor and SIEM is behind, failures, standing alarms, gaps."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class AuditMetrics:
    """Instruments in the *registry* that ``/metrics`` shows. Labels are names from the settings and closed words."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._behind = Gauge(
            "signoff_audit_outside_behind_entries",
            "Entries that an anchor does not cover or a SIEM has not taken.",
            ["kind", "name"],
            registry=registry,
        )
        self._age = Gauge(
            "signoff_audit_outside_behind_seconds",
            "Age of the oldest such entry.",
            ["kind", "name"],
            registry=registry,
        )
        self._failures = Counter(
            "signoff_audit_outside_failures", "Tries that failed.", ["kind", "name"], registry=registry
        )
        self._alarms = Gauge("signoff_alarms", "Standing alarms by kind.", ["kind"], registry=registry)
        self._gaps = Gauge(
            "signoff_audit_gaps",
            "What should not be, in the whole log: grants begun and not ended, tries at self-approval and the like.",
            ["kind"],
            registry=registry,
        )
        self._gaps_read = Gauge(
            "signoff_audit_gaps_read_entries", "Entries that the watch for gaps has read.", registry=registry
        )

    def anchor(self, name: str, behind: int, seconds: float) -> None:
        self._behind.labels("anchor", name).set(behind)
        self._age.labels("anchor", name).set(seconds)

    def siem(self, name: str, behind: int, seconds: float) -> None:
        self._behind.labels("siem", name).set(behind)
        self._age.labels("siem", name).set(seconds)

    def failed(self, kind: str, name: str) -> None:
        self._failures.labels(kind, name).inc()

    def alarms(self, by_kind: Mapping[str, int]) -> None:
        for kind, count in by_kind.items():
            self._alarms.labels(kind).set(count)

    def gaps(self, by_kind: Mapping[str, int], read: int) -> None:
        for kind, count in by_kind.items():
            self._gaps.labels(kind).set(count)
        self._gaps_read.set(read)
