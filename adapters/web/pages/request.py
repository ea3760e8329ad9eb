"""The request page: the whole card, and what can be done about it. Every deed is one desk call; the desk decides.

An approval says which card version the person was shown and that every part of the payload was (T14): the confirm page shows all
parts unfolded, and the dialog opens only when the script has seen each part on screen.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from adapters.web.cards import view
from adapters.web.guard import STATUS, Access, Handler, Visit, see_other
from adapters.web.limits import TEXT_MAX
from bot.core.ids import GrantId, RequestId
from bot.core.preview import Card, TimelineLine
from bot.core.reasons import Reason, Refused
from bot.core.request import Choice, GrantState

DONE: Final = {
    "approved": "Your approval counts.",
    "denied": "You denied this request. It is decided.",
    "deny-counted": "Your denial counts.",
    "withdrawn": "Your vote is withdrawn.",
    "cancelled": "The request is cancelled.",
    "revoked": "The grant is taken back; it cannot be spent.",
    "granted": "Approved. The grant was issued and the agent was told.",
}
"""What a page may say after a deed: codes in the address, our words on the page."""


def _id(visit: Visit) -> RequestId:
    return RequestId(str(visit.http.path_params["id"])[:64])


def _path(id: RequestId) -> str:
    return "/requests/" + quote(id, safe="")


async def _load(visit: Visit) -> tuple[Card, list[TimelineLine]] | Refused:
    card = await visit.desk.card(_id(visit), visit.me)
    if isinstance(card, Refused):
        return card
    timeline = await visit.desk.timeline(card.request, visit.me)
    return card, ([] if isinstance(timeline, Refused) else timeline)


async def _show(visit: Visit, template: str, status: int = 200, problem: Refused | None = None) -> Response:
    loaded = await _load(visit)
    if isinstance(loaded, Refused):
        return visit.refused(loaded)
    card, timeline = loaded
    return visit.page(
        template,
        status,
        nav="inbox",
        v=view(card),
        card=card,
        timeline=timeline,
        notice=DONE.get(visit.query("done", 20)) if problem is None else None,
        problem=problem.sentence if problem else None,
        may_revoke=card.grant is not None and card.grant.state is GrantState.ISSUED,
        step_up_needed=_needs_step_up(visit),
    )


def _needs_step_up(visit: Visit) -> bool:
    """A courtesy: whether the desk would ask for a fresh sign-in before a reveal."""
    return visit.console.clock.now() - visit.me.authenticated_at > timedelta(minutes=5)


async def page(visit: Visit) -> Response:
    return await _show(visit, "request.html.j2")


async def live(visit: Visit) -> Response:
    return await _show(visit, "fragments/request_live.html.j2")


async def confirm(visit: Visit) -> Response:
    """Without script: the target again, every part unfolded, and the button after them."""
    return await _show(visit, "confirm.html.j2")


def _version(visit: Visit) -> int | None:
    text = visit.field("version", 12)
    return int(text) if text.isascii() and text.isdigit() else None


async def vote(visit: Visit) -> Response:
    id = _id(visit)
    choices = {"approve": Choice.APPROVE, "deny": Choice.DENY}
    choice = choices.get(visit.field("choice", 10))
    version = _version(visit)
    if choice is None or (choice is Choice.APPROVE and version is None):
        return await _show(visit, "request.html.j2", 422, Refused(Reason.STALE_CARD))
    voted = await visit.desk.vote(
        id,
        visit.me,
        choice,
        version=version,
        comment=visit.field("comment", TEXT_MAX),
        preview_complete=visit.field("seen", 8) == "all",
    )
    if isinstance(voted, Refused):
        return await _problem(visit, voted)
    if choice is Choice.DENY:
        return see_other(f"{_path(id)}?done={'denied' if voted.decided else 'deny-counted'}")
    return see_other(f"{_path(id)}?done={'granted' if voted.decided else 'approved'}")


async def withdraw(visit: Visit) -> Response:
    done = await visit.desk.withdraw(_id(visit), visit.me)
    return (
        await _problem(visit, done)
        if isinstance(done, Refused)
        else see_other(f"{_path(_id(visit))}?done=withdrawn")
    )


async def cancel(visit: Visit) -> Response:
    done = await visit.desk.cancel(_id(visit), visit.me)
    return (
        await _problem(visit, done)
        if isinstance(done, Refused)
        else see_other(f"{_path(_id(visit))}?done=cancelled")
    )


async def revoke(visit: Visit) -> Response:
    """The page's own grant, never one named by the form."""
    card = await visit.desk.card(_id(visit), visit.me)
    if isinstance(card, Refused):
        return visit.refused(card)
    reason = visit.field("reason")
    if card.grant is None or not reason:
        return await _problem(visit, Refused(Reason.REASON_REQUIRED))
    done = await visit.desk.revoke(GrantId(card.grant.id), visit.me, reason)
    return (
        await _problem(visit, done)
        if isinstance(done, Refused)
        else see_other(f"{_path(_id(visit))}?done=revoked")
    )


async def _problem(visit: Visit, refused: Refused) -> Response:
    """The page again, as things stand now, with what the rules said on top."""
    if refused.reason is Reason.NOT_FOUND:
        return visit.refused(refused)
    return await _show(visit, "request.html.j2", STATUS.get(refused.reason, 409), refused)


async def reveal(visit: Visit) -> Response:
    """One hidden value, once: never cached, taken off the screen again after half a minute (T19)."""
    id, leaf, purpose = _id(visit), visit.field("leaf", 6), visit.field("purpose", 500)
    if not (leaf.isascii() and leaf.isdigit()):
        return visit.refused(Refused(Reason.NOT_FOUND))
    if not purpose:
        return visit.refused(Refused(Reason.REASON_REQUIRED), back=_path(id))
    revealed = await visit.desk.reveal(id, visit.me, int(leaf), purpose)
    if isinstance(revealed, Refused):
        if revealed.reason is Reason.STEP_UP and not visit.is_fragment:
            return see_other(f"/step-up?next={quote(_path(id), safe='')}")
        return visit.refused(revealed, back=_path(id))
    template = "fragments/revealed.html.j2" if visit.is_fragment else "revealed.html.j2"
    response = visit.page(
        template, revealed=revealed, back=_path(id), leaf=int(leaf), hide_after=HIDE_AFTER_SECONDS
    )
    if not visit.is_fragment:
        response.headers["refresh"] = f"{HIDE_AFTER_SECONDS}; url={_path(id)}"
    return response


HIDE_AFTER_SECONDS: Final = 30

ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/requests/{id}", page, Access.SIGNED_IN),
    ("GET", "/requests/{id}/live", live, Access.SIGNED_IN),
    ("GET", "/requests/{id}/confirm", confirm, Access.SIGNED_IN),
    ("POST", "/requests/{id}/votes", vote, Access.SIGNED_IN),
    ("POST", "/requests/{id}/withdraw", withdraw, Access.SIGNED_IN),
    ("POST", "/requests/{id}/cancel", cancel, Access.SIGNED_IN),
    ("POST", "/requests/{id}/revoke", revoke, Access.SIGNED_IN),
    ("POST", "/requests/{id}/reveal", reveal, Access.SIGNED_IN),
)
