"""One's own page (accounts, access tokens, delegation, log out everywhere) and the freeze switch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit, see_other
from bot.core.ids import AccountKey, person_id
from bot.core.reasons import Reason, Refused

DONE: Final = {
    "delegated": "Your delegation stands.",
    "back": "Your delegation has ended.",
    "confirmed": "The account is confirmed as yours. It may decide after its cool-down.",
    "turned-down": "The account is not linked to you.",
    "token-revoked": "The token is revoked. It stops working at once.",
}
DAYS: Final = {
    "1": timedelta(days=1),
    "7": timedelta(days=7),
    "30": timedelta(days=30),
    "90": timedelta(days=90),
}


async def _show(
    visit: Visit,
    status: int = 200,
    problem: str | None = None,
    fresh: str | None = None,
    link: tuple[str, datetime] | None = None,
) -> Response:
    now = visit.console.clock.now()
    accounts = await visit.desk.accounts(visit.me.person)
    delegations = await visit.console.store.read(lambda tx: tx.delegations(now))
    people = await visit.desk.people()
    return visit.page(
        "profile.html.j2",
        status,
        nav="profile",
        accounts=[a for a in accounts if not a.key.startswith("token:")],
        tokens=[a for a in accounts if a.key.startswith("token:")],
        delegation=next((d for d in delegations if d.giver == visit.me.person), None),
        given_to_me=[d for d in delegations if d.taker == visit.me.person],
        names={person.id: person.name for person in people},
        colleagues=[p for p in people if p.enabled and p.id != visit.me.person],
        session=visit.session,
        fresh=fresh,
        link=link,
        has_chat=visit.console.offer_link is not None,
        problem=problem,
        notice=None if problem or fresh else DONE.get(visit.query("done", 20)),
    )


async def page(visit: Visit) -> Response:
    return await _show(visit)


async def link_page(visit: Visit) -> Response:
    """Where the chat's answer sends people who want to link their account."""
    return see_other("/profile")


async def new_link_code(visit: Visit) -> Response:
    """A code to type in chat, shown once. The console's session is one proof, typing it there the other (T04)."""
    offer = visit.console.offer_link
    if offer is None:
        return visit.refused(Refused(Reason.NOT_FOUND), back="/profile")
    code, until = await offer(visit.me)
    return await _show(visit, link=(code, until))


async def confirm_account(visit: Visit) -> Response:
    """One's own eyes on a link that an administrator made (T04)."""
    done = await visit.desk.confirm_account(visit.me, AccountKey(visit.field("account", 400)))
    return (
        await _show(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other("/profile?done=confirmed")
    )


async def turn_down(visit: Visit) -> Response:
    key = AccountKey(visit.field("account", 400))
    proposed = {a.key for a in await visit.desk.accounts(visit.me.person) if a.unconfirmed_by is not None}
    if key not in proposed:
        return visit.refused(Refused(Reason.NOT_FOUND), back="/profile")
    done = await visit.desk.unlink_account(visit.me, key)
    return (
        await _show(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other("/profile?done=turned-down")
    )


async def new_token(visit: Visit) -> Response:
    valid_for = DAYS.get(visit.field("days", 3), DAYS["7"])
    issued = await visit.desk.issue_person_token(visit.me, visit.me.person, valid_for)
    return (
        await _show(visit, 403, issued.sentence)
        if isinstance(issued, Refused)
        else await _show(visit, fresh=issued)
    )


async def revoke_token(visit: Visit) -> Response:
    key = AccountKey(visit.field("token", 200))
    mine = {account.key for account in await visit.desk.accounts(visit.me.person)}
    if key not in mine or not key.startswith("token:"):
        return visit.refused(Refused(Reason.NOT_FOUND), back="/profile")
    done = await visit.desk.unlink_account(visit.me, key)
    return (
        await _show(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other("/profile?done=token-revoked")
    )


async def delegate(visit: Visit) -> Response:
    try:
        taker = person_id(visit.field("taker", 70))
        day = datetime.strptime(visit.field("until", 10), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return await _show(visit, 422, "Choose a colleague and the last day of your absence.")
    done = await visit.desk.delegate(visit.me, taker, day + timedelta(days=1))
    return (
        await _show(visit, 409, done.sentence)
        if isinstance(done, Refused)
        else see_other("/profile?done=delegated")
    )


async def end_delegation(visit: Visit) -> Response:
    done = await visit.desk.end_delegation(visit.me)
    return (
        await _show(visit, 409, done.sentence)
        if isinstance(done, Refused)
        else see_other("/profile?done=back")
    )


async def show_freeze(visit: Visit) -> Response:
    return visit.page("freeze.html.j2", nav="freeze")


async def freeze(visit: Visit) -> Response:
    reason = visit.field("reason", 500)
    if not reason:
        return visit.refused(Refused(Reason.REASON_REQUIRED), back="/freeze")
    done = await visit.desk.freeze(visit.me, reason)
    return visit.refused(done, back="/freeze") if isinstance(done, Refused) else see_other("/freeze")


async def unfreeze(visit: Visit) -> Response:
    done = await visit.desk.unfreeze(visit.me)
    return visit.refused(done, back="/freeze") if isinstance(done, Refused) else see_other("/freeze")


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/profile", page, Access.SIGNED_IN),
    ("GET", "/account/link", link_page, Access.SIGNED_IN),
    ("POST", "/profile/link", new_link_code, Access.SIGNED_IN),
    ("POST", "/profile/accounts/confirm", confirm_account, Access.SIGNED_IN),
    ("POST", "/profile/accounts/turn-down", turn_down, Access.SIGNED_IN),
    ("POST", "/profile/tokens", new_token, Access.SIGNED_IN),
    ("POST", "/profile/tokens/revoke", revoke_token, Access.SIGNED_IN),
    ("POST", "/profile/delegation", delegate, Access.SIGNED_IN),
    ("POST", "/profile/delegation/end", end_delegation, Access.SIGNED_IN),
    ("GET", "/freeze", show_freeze, Access.SIGNED_IN),
    ("POST", "/freeze", freeze, Access.SIGNED_IN),
    ("POST", "/freeze/lift", unfreeze, Access.SIGNED_IN),
)
