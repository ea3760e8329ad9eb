"""What passes without a quorum of its own: standing approvals, break-glass and its reviews (T43). Every deed is one desk call; the desk decides.

Breaking the glass has a page of its own, with the whole request on it and the reason above the button: it is never beside Approve.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from adapters.web.cards import view
from adapters.web.guard import STATUS, Access, Handler, Visit, see_other
from adapters.web.limits import TEXT_MAX
from bot.core.ids import RequestId
from bot.core.reasons import Reason, Refused

DONE: Final = {
    "revoked": "The standing approval is taken back; it decides nothing any more.",
    "reviewed": "Your review is written down. It cannot be changed.",
    "broken": "The glass is broken. The grant was issued, everybody is told, and somebody else must review it.",
}


async def page(visit: Visit) -> Response:
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, problem: Refused | None = None) -> Response:
    uses = await visit.desk.break_glasses(visit.me)
    if isinstance(uses, Refused):
        return visit.refused(uses)
    standing = await visit.desk.standing_approvals(visit.me)
    policy = await visit.desk.policy()
    return visit.page(
        "exceptions.html.j2",
        status,
        nav="exceptions",
        uses=uses,
        standing=[] if isinstance(standing, Refused) else standing,
        glass=policy.break_glass,
        notice=DONE.get(visit.query("done", 20)) if problem is None else None,
        problem=problem.sentence if problem else None,
    )


def _id(visit: Visit) -> RequestId:
    return RequestId(str(visit.http.path_params["id"])[:64])


async def confirm(visit: Visit) -> Response:
    return await _confirm(visit)


async def _confirm(visit: Visit, status: int = 200, problem: Refused | None = None) -> Response:
    card = await visit.desk.card(_id(visit), visit.me)
    if isinstance(card, Refused):
        return visit.refused(card)
    policy = await visit.desk.policy()
    return visit.page(
        "break_glass.html.j2",
        status,
        nav="inbox",
        v=view(card),
        card=card,
        glass=policy.break_glass,
        problem=problem.sentence if problem else None,
    )


async def break_glass(visit: Visit) -> Response:
    id = _id(visit)
    back = f"/requests/{quote(id, safe='')}"
    done = await visit.desk.break_glass(id, visit.me, visit.field("reason", TEXT_MAX))
    if not isinstance(done, Refused):
        return see_other("/exceptions?done=broken")
    if done.reason is Reason.STEP_UP:
        return see_other(f"/step-up?next={quote(back + '/break-glass', safe='')}")
    if done.reason is Reason.NOT_FOUND:
        return visit.refused(done)
    return await _confirm(visit, STATUS.get(done.reason, 409), done)


async def review(visit: Visit) -> Response:
    verdict = visit.field("verdict", 20)
    if verdict not in ("justified", "unjustified"):
        return await _page(visit, 422, Refused(Reason.REASON_REQUIRED))
    comment = visit.field("comment", TEXT_MAX)
    done = await visit.desk.review_break_glass(
        _id(visit), visit.me, "justified" if verdict == "justified" else "unjustified", comment
    )
    if isinstance(done, Refused):
        return await _page(visit, STATUS.get(done.reason, 409), done)
    return see_other("/exceptions?done=reviewed")


async def revoke(visit: Visit) -> Response:
    done = await visit.desk.revoke_standing(_id(visit), visit.me, visit.field("reason", TEXT_MAX))
    if isinstance(done, Refused):
        return await _page(visit, STATUS.get(done.reason, 409), done)
    return see_other("/exceptions?done=revoked")


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/exceptions", page, Access.SIGNED_IN),
    ("GET", "/requests/{id}/break-glass", confirm, Access.SIGNED_IN),
    ("POST", "/requests/{id}/break-glass", break_glass, Access.SIGNED_IN),
    ("POST", "/exceptions/{id}/revoke", revoke, Access.SIGNED_IN),
    ("POST", "/requests/{id}/break-glass/review", review, Access.SIGNED_IN),
)
