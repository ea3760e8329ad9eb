"""The grant's claims: what people approved, for whom, until when. Signed elsewhere (``KeyProvider.sign_grant``).

Decided here: the claim names and how a presented token is held against the stored grant. ``iss, aud, sub, jti, nbf, iat,
exp`` are RFC 7519's; ``req, pah, pol, epo`` are ours: request id, payload hash, policy hash, restore epoch (T48).
Keeps I4 (binding) and the pure half of I5 and I6; single use is the store's compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot.core.ids import AgentId, Digest
from bot.core.reasons import Reason, Refused
from bot.core.request import Grant, GrantState

TYP: Final = "approval-grant+jwt"


def claims(grant: Grant, issuer: str) -> dict[str, object]:
    """The claims of *grant*. ``aud`` and ``sub`` are the agent: it executes what it asked for."""
    return {
        "iss": issuer,
        "aud": grant.agent,
        "sub": grant.agent,
        "jti": grant.id,
        "req": grant.request,
        "pah": grant.payload_hash,
        "pol": grant.policy_hash,
        "epo": grant.epoch,
        "iat": seconds(grant.issued_at),
        "nbf": seconds(grant.issued_at),
        "exp": seconds(grant.use_by),
    }


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970 (RFC 7519 NumericDate), rounded down: the stored instant is the exact one."""
    return int(moment.timestamp())


def may_redeem(
    grant: Grant,
    presented: Mapping[str, object],
    *,
    issuer: str,
    agent: AgentId,
    payload_hash: Digest,
    epoch: int,
    now: datetime,
) -> Refused | None:
    """Why the token whose verified claims are *presented* does not spend *grant* now; None when it does.

    The token must say exactly what the stored grant says; the stored instants decide, not the rounded claims.
    """
    if dict(presented) != claims(grant, issuer):
        return Refused(Reason.GRANT_INVALID)
    if agent != grant.agent:
        return Refused(Reason.WRONG_AGENT)
    if grant.epoch != epoch:
        return Refused(Reason.GRANT_EPOCH)
    match grant.state:
        case GrantState.REVOKED:
            return Refused(Reason.GRANT_REVOKED)
        case GrantState.LAPSED:
            return Refused(Reason.GRANT_LAPSED)
        case GrantState.ISSUED:
            pass
        case (  # pragma: no branch - the last of the closed set
            GrantState.REDEEMED | GrantState.SUCCEEDED | GrantState.FAILED | GrantState.INDETERMINATE
        ):
            return Refused(Reason.GRANT_SPENT)
    if now < grant.issued_at:
        return Refused(Reason.GRANT_EARLY)
    if now >= grant.use_by:
        return Refused(Reason.GRANT_LAPSED)
    if payload_hash != grant.payload_hash:
        return Refused(Reason.WRONG_PAYLOAD)
    return None
