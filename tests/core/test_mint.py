"""Facts about ids: they sort by time, differ, and say nothing else."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest

from bot import mint
from bot.rand import OsRand
from tests.support.clock import START
from tests.support.rand import SeededRand


class NoRand:
    def bytes(self, count: int) -> bytes:
        return b"\xff" * count


def test_the_rfc_9562_example_is_made_to_the_bit() -> None:
    # RFC 9562 appendix A.6: 2022-02-22T19:22:22Z, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    class Example:
        def bytes(self, count: int) -> bytes:
            return (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(count)

    from datetime import UTC, datetime

    made = mint.uuid7(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), Example())

    assert uuid.UUID(int=made) == uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


def test_version_and_variant_stand_whatever_the_randomness() -> None:
    made = uuid.UUID(mint.entry_id(START, NoRand()))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_is_a_prefix_and_26_letters_of_crockfords_alphabet() -> None:
    assert re.fullmatch(r"req_[0-7][0-9a-hjkmnp-tv-z]{25}", mint.request_id(START, OsRand()))
    assert re.fullmatch(r"grt_[0-7][0-9a-hjkmnp-tv-z]{25}", mint.grant_id(START, OsRand()))


def test_ids_sort_by_creation_time() -> None:
    rand = SeededRand(1)

    ids = [mint.request_id(START + timedelta(milliseconds=n), rand) for n in range(1_000)]

    assert ids == sorted(ids)


def test_ids_of_one_instant_differ() -> None:
    rand = OsRand()

    assert len({mint.request_id(START, rand) for _ in range(10_000)}) == 10_000


def test_base32_is_crockfords() -> None:
    assert mint.base32(0) == "0" * 26
    assert mint.base32((1 << 128) - 1) == "7" + "z" * 25
    assert mint.base32(31 << 5 | 10).endswith("za")


@pytest.mark.parametrize("shift", [timedelta(days=-400_000)])
def test_an_instant_before_1970_is_refused(shift: timedelta) -> None:
    with pytest.raises(ValueError, match="1970"):
        mint.uuid7(START + shift, OsRand())
