"""Which addresses a call to the outside may connect to (T34): public ones. Everything that could be a machine of ours is refused.

A table of our own rather than ``ipaddress.is_global``, whose meaning changed between Python versions. Sources: the IANA
special-purpose address registries (RFC 6890), RFC 6598 (carrier NAT), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

from __future__ import annotations

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_BLOCKED_4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
_BLOCKED_6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""Interface identifiers that carry an IPv4 address (RFC 5214)."""


def is_public(address: Address) -> bool:
    """Whether *address* is one that anybody on the Internet could have. Mapped and translated IPv4 never is."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _BLOCKED_4)
    if address.scope_id is not None or address not in _GLOBAL_6:
        return False
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(address in network for network in _BLOCKED_6)


def parse(text: str) -> Address:
    """An address as the resolver gives it. ValueError for anything else."""
    return ipaddress.ip_address(text)
