"""Errors as RFC 9457 problem documents, with stable ``type`` URIs (docs/api.md lists them).

Decided here: one status for each refusal and each error of the interface. 4xx is theirs, 5xx is ours. All 401s have one
body, so that nothing is learned from trying. A detail is fixed text; it never holds a value from a request.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec
from starlette.responses import Response

from bot.core.canonical import Malformed
from bot.core.reasons import SENTENCES, Reason, Refused

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final[dict[str, tuple[int, str]]] = {
    "unauthorized": (401, "Not authenticated"),
    "forbidden": (403, "Not allowed with this kind of credential"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "bad-query": (400, "The query is not as it must be"),
    "bad-header": (400, "A header field is not as it must be"),
    "bad-length": (400, "Content-Length is not a number"),
    "json": (400, "The body is not JSON"),
    "duplicate-key": (400, "A key occurs twice"),
    "key": (400, "A key cannot be used"),
    "number": (400, "A number cannot be used"),
    "surrogate": (400, "A string is not text"),
    "too-deep": (400, "Nested too deep"),
    "schema": (422, "A field is not as it must be"),
    "too-large": (413, "The body is too large"),
    "headers-too-large": (431, "The header fields are too large"),
    "media-type": (415, "The media type is not supported"),
    "content-encoding": (415, "The content coding is not supported"),
    "too-slow": (408, "The body did not arrive in time"),
    "too-many-requests": (429, "Too many calls"),
    "too-many-streams": (429, "Too many open streams"),
    "busy": (503, "Busy"),
    "unknown-outcome": (503, "Whether this was written is not known"),
    "unavailable": (503, "Not available"),
    "internal": (500, "Internal error"),
}
"""Errors of the interface itself: ``code → (status, title)``."""

STATUS_OF: Final[dict[Reason, int]] = {
    Reason.NO_RULE: 403,
    Reason.POLICY_DENIES: 403,
    Reason.POLICY_ERROR: 403,
    Reason.POLICY_MISSING: 403,
    Reason.MASKING_FAILED: 422,
    Reason.AGENT_UNKNOWN: 403,
    Reason.AGENT_DISABLED: 403,
    Reason.AGENT_UNOWNED: 403,
    Reason.AGENT_SCOPE: 403,
    Reason.PENDING_CAP: 429,
    Reason.RATE_LIMIT: 429,
    Reason.DENIED_BEFORE: 409,
    Reason.FROZEN: 423,
    Reason.BEHALF_UNKNOWN: 422,
    Reason.KEY_REUSED: 422,
    Reason.CALLBACK_FORBIDDEN: 422,
    Reason.NOT_FOUND: 404,
    Reason.UNMAPPED: 403,
    Reason.PERSON_DISABLED: 403,
    Reason.NOT_ELIGIBLE: 403,
    Reason.SEPARATED: 403,
    Reason.ALREADY_VOTED: 409,
    Reason.NO_VOTE: 409,
    Reason.LATE: 409,
    Reason.CLOSED: 409,
    Reason.STALE_CARD: 409,
    Reason.INCOMPLETE_PREVIEW: 409,
    Reason.ASSURANCE: 403,
    Reason.SURFACE: 403,
    Reason.COOL_DOWN: 403,
    Reason.LINK_UNCONFIRMED: 403,
    Reason.REASON_REQUIRED: 422,
    Reason.DIRECTORY_DOWN: 503,
    Reason.NOT_REQUESTER: 403,
    Reason.GRANT_INVALID: 403,
    Reason.GRANT_SPENT: 409,
    Reason.GRANT_LAPSED: 409,
    Reason.GRANT_EARLY: 409,
    Reason.GRANT_REVOKED: 409,
    Reason.GRANT_EPOCH: 409,
    Reason.WRONG_AGENT: 403,
    Reason.WRONG_PAYLOAD: 409,
    Reason.APPROVERS_CHANGED: 409,
    Reason.NOT_REDEEMED: 409,
    Reason.OUTCOME_KNOWN: 409,
    Reason.NOT_ENTITLED: 403,
    Reason.STEP_UP: 403,
    Reason.REVEAL_RATE: 429,
    Reason.SHREDDED: 410,
    Reason.NOT_ADMIN: 403,
    Reason.NOT_CONFIRMER: 403,
    Reason.AUDIT_UNAVAILABLE: 503,
}
"""Every refusal has one status; a test holds the table complete."""

RETRY_AFTER: Final[dict[Reason, int]] = {
    Reason.PENDING_CAP: 30,
    Reason.RATE_LIMIT: 5,
    Reason.DENIED_BEFORE: 300,
    Reason.DIRECTORY_DOWN: 60,
    Reason.REVEAL_RATE: 600,
    Reason.AUDIT_UNAVAILABLE: 30,
}
"""Seconds; a hint, never a promise."""

UNAUTHORIZED: Final = 'A valid credential is required. See docs/api.md, "Who asks".'


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. ``code`` is the last segment of ``type``; ``pointer`` (RFC 6901) says where in the body."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    pointer: str | None = None


@dataclass(slots=True)
class ProblemError(Exception):
    """A refusal of the interface, on its way to becoming an answer. *close*: the rest of the body will not be read."""

    code: str
    detail: str = ""
    pointer: str | None = None
    close: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def of_malformed(error: Malformed) -> ProblemError:
    return ProblemError(error.code, error.sentence, _plain(error.pointer))


_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,30}[0-9]{0,2}|[0-9]{1,6}")


def _plain(pointer: str) -> str:
    """*pointer* (RFC 6901) with each part that is no plain name as ``?``: names of members come from the caller and may be data (I10)."""
    first, *parts = pointer.split("/")
    return "/".join([first, *(part if _NAME.fullmatch(part) else "?" for part in parts)])


def retry_after(delta: timedelta | float) -> str:
    """Whole seconds, rounded up, at least one (RFC 9110 section 10.2.3)."""
    seconds = delta.total_seconds() if isinstance(delta, timedelta) else delta
    return str(max(1, math.ceil(seconds)))


def respond(error: ProblemError, base: str) -> Response:
    status, title = CODES[error.code]
    headers = dict(error.headers)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers.setdefault("Retry-After", "1")
    if error.close:
        headers["Connection"] = "close"
    return _answer(base, error.code, status, title, error.detail, error.pointer, headers)


def respond_refused(refused: Refused, base: str) -> Response:
    """The rules said no: the reason's code and its sentence."""
    headers: dict[str, str] = {}
    if refused.reason in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[refused.reason])
    title = SENTENCES[refused.reason].split(". ")[0].rstrip(".")
    return _answer(
        base, refused.reason.value, STATUS_OF[refused.reason], title, refused.sentence, None, headers
    )


def _answer(
    base: str, code: str, status: int, title: str, detail: str, pointer: str | None, headers: dict[str, Any]
) -> Response:
    problem = Problem(
        type=base + code, title=title, status=status, code=code, detail=detail, pointer=pointer or None
    )
    headers["Cache-Control"] = "no-store"
    return Response(msgspec.json.encode(problem), status, headers, MEDIA_TYPE)
