"""Milestones at their exact instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.milestones import SHORTEST, instants, passed

T0 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HALF, NINE_TENTHS = T0 + timedelta(minutes=15), T0 + timedelta(minutes=27)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "behind"),
    [
        (T0, ()),
        (HALF - TICK, ()),
        (HALF, (HALF,)),
        (NINE_TENTHS - TICK, (HALF,)),
        (NINE_TENTHS, (HALF, NINE_TENTHS)),
        (T0 + timedelta(days=9), (HALF, NINE_TENTHS)),
    ],
)
def test_a_milestone_is_behind_from_its_very_instant_on(now: datetime, behind: tuple[datetime, ...]) -> None:
    assert passed(T0, T0 + timedelta(minutes=30), now) == behind


def test_a_short_time_has_no_milestones() -> None:
    assert instants(T0, T0 + SHORTEST - TICK) == ()
    assert len(instants(T0, T0 + SHORTEST)) == 2
    assert instants(T0, T0) == ()
