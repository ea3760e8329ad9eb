"""T34: which addresses a call to the outside may reach: both sides of every edge of every special-purpose block."""

from __future__ import annotations

import ipaddress

import pytest

from bot.core.addresses import is_public, parse

BLOCKS_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
"""IANA IPv4 special-purpose address registry (RFC 6890 and its updates), multicast (RFC 5771) and class E."""
BLOCKS_6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
"""IANA IPv6 special-purpose address registry, those inside 2000::/3."""


def neighbours(block: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[int, int]:
    return int(block.network_address) - 1, int(block.broadcast_address) + 1


@pytest.mark.parametrize("block", BLOCKS_4)
def test_t34_no_address_of_a_special_ipv4_block_is_public(block: str) -> None:
    network = ipaddress.IPv4Network(block)
    first, last = network.network_address, network.broadcast_address

    assert not is_public(first)
    assert not is_public(last)
    for outside in neighbours(network):
        if 0 <= outside < 2**32 and not any(
            ipaddress.IPv4Address(outside) in ipaddress.IPv4Network(b) for b in BLOCKS_4
        ):
            assert is_public(ipaddress.IPv4Address(outside))


@pytest.mark.parametrize("block", BLOCKS_6)
def test_t34_no_address_of_a_special_ipv6_block_is_public(block: str) -> None:
    network = ipaddress.IPv6Network(block)

    assert not is_public(network.network_address)
    assert not is_public(network.broadcast_address)
    for outside in neighbours(network):
        address = ipaddress.IPv6Address(outside)
        if address in ipaddress.IPv6Network("2000::/3") and not any(
            address in ipaddress.IPv6Network(b) for b in BLOCKS_6
        ):
            assert is_public(address)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("2000::", True),
        ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", False),  # below 2000::/3
        ("4000::", False),  # above it
        ("::", False),
        ("::1", False),
        ("::ffff:8.8.8.8", False),  # mapped: even a public IPv4 address
        ("64:ff9b::808:808", False),  # NAT64
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("2606:4700::1111%eth0", False),  # a zone has no meaning beyond this machine
        ("2606:4700::5efe:a00:1", False),  # ISATAP, private and public identifiers (RFC 5214)
        ("2606:4700::200:5efe:a00:1", False),
        ("2606:4700::5eff:a00:1", True),
        ("2606:4700::5efe:0:a00:1", True),  # the mark is in the identifier's upper half only
    ],
)
def test_t34_the_public_half_of_ipv6_and_nothing_that_carries_ipv4(text: str, public: bool) -> None:
    assert is_public(parse(text)) is public


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "10.1", "010.0.0.1", "0x7f000001", "1.1.1.1.", "2606:4700::1111::", "8.8.8.8/32"],
)
def test_t34_what_is_no_address_in_full_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        parse(text)
