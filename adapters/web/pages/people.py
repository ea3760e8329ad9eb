"""People and their accounts, for administrators. One person counts once, whatever the account; a link is proposed by an administrator here,
and confirmed by the person or by a second administrator, never by name or e-mail (T04). The desk checks every change and journals it.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit, see_other
from adapters.web.passwords import hash_password
from bot.core.ids import AccountKey, PersonId, person_id
from bot.core.people import Role
from bot.core.reasons import Reason, Refused

DONE: Final = {
    "added": "The person is added. Link an account so that they can come in.",
    "disabled": "Switched off. Their sessions and tokens ended, and their open votes stopped counting.",
    "linked": "The link is proposed. It opens nothing before the person, by another account of theirs, or a second administrator confirms it; then its cool-down begins.",
    "confirmed": "The link is confirmed. It may not decide before its cool-down has passed.",
    "unlinked": "The account is unlinked.",
}
MISSING: Final = Refused(Reason.NOT_FOUND)
SCHEMES: Final = ("local:", "oidc:", "slack:", "teams:")


def _path(id: PersonId) -> str:
    return "/people/" + quote(id.removeprefix("person:"), safe="")


async def _list(visit: Visit, problem: str | None = None, status: int = 200) -> Response:
    if not visit.is_auditor:
        return visit.refused(Refused(Reason.NOT_ADMIN))
    policy = await visit.desk.policy()
    people = await visit.desk.people()
    groups = {
        person.id: sorted(
            {str(g.name) for g in policy.groups.values() if person.id in g.members} | set(person.groups)
        )
        for person in people
    }
    return visit.page(
        "people.html.j2",
        status,
        nav="people",
        people=people,
        groups=groups,
        problem=problem,
        form=dict(visit.form),
    )


async def listing(visit: Visit) -> Response:
    return await _list(visit)


async def add(visit: Visit) -> Response:
    roles = frozenset(role for role in Role if visit.field(f"role_{role.value}", 2) == "on")
    name = visit.field("name", 120)
    try:
        person = person_id(visit.field("id", 70))
    except ValueError as e:
        return await _list(visit, str(e), 422)
    if not name:
        return await _list(visit, "Write the person's name as colleagues know it.", 422)
    added = await visit.desk.add_person(visit.me, person, name, roles)
    return (
        await _list(visit, added.sentence, 403)
        if isinstance(added, Refused)
        else see_other(f"{_path(person)}?done=added")
    )


async def _detail(visit: Visit, status: int = 200, problem: str | None = None) -> Response:
    if not visit.is_auditor:
        return visit.refused(Refused(Reason.NOT_ADMIN))
    person = await visit.desk.person(PersonId(f"person:{visit.http.path_params['name']}"))
    if person is None:
        return visit.refused(MISSING, back="/people")
    return visit.page(
        "person.html.j2",
        status,
        nav="people",
        person=person,
        accounts=await visit.desk.accounts(person.id),
        problem=problem,
        notice=None if problem else DONE.get(visit.query("done", 12)),
    )


async def detail(visit: Visit) -> Response:
    return await _detail(visit)


async def disable(visit: Visit) -> Response:
    person = PersonId(f"person:{visit.http.path_params['name']}")
    done = await visit.desk.disable_person(visit.me, person)
    return (
        await _detail(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other(f"{_path(person)}?done=disabled")
    )


async def link(visit: Visit) -> Response:
    """Link an account. For ``local:NAME`` a first password is set as well, hashed before it goes anywhere."""
    person = PersonId(f"person:{visit.http.path_params['name']}")
    account, password = visit.field("account", 400), visit.form.get("password", "")
    if (
        not account.startswith(SCHEMES)
        or not account.isascii()
        or not account.isprintable()
        or " " in account
    ):
        return await _detail(
            visit,
            422,
            "Write the account as local:NAME, oidc:ISSUER:SUBJECT, slack:TEAM:USER or teams:TENANT:OBJECT.",
        )
    secret = ""
    if account.startswith("local:"):
        try:
            secret = await asyncio.to_thread(hash_password, password)
        except ValueError as e:
            return await _detail(visit, 422, str(e))
    linked = await visit.desk.link_account(
        visit.me, AccountKey(account), person, proof="admin", secret=secret
    )
    return (
        await _detail(visit, 409, linked.sentence)
        if isinstance(linked, Refused)
        else see_other(f"{_path(person)}?done=linked")
    )


async def unlink(visit: Visit) -> Response:
    person = PersonId(f"person:{visit.http.path_params['name']}")
    account = AccountKey(visit.field("account", 400))
    if all(known.key != account for known in await visit.desk.accounts(person)):
        return visit.refused(MISSING, back="/people")
    done = await visit.desk.unlink_account(visit.me, account)
    return (
        await _detail(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other(f"{_path(person)}?done=unlinked")
    )


async def confirm(visit: Visit) -> Response:
    """The second administrator's eyes on a link that another one made (T04)."""
    person = PersonId(f"person:{visit.http.path_params['name']}")
    account = AccountKey(visit.field("account", 400))
    if all(known.key != account for known in await visit.desk.accounts(person)):
        return visit.refused(MISSING, back="/people")
    done = await visit.desk.confirm_account(visit.me, account)
    return (
        await _detail(visit, 403, done.sentence)
        if isinstance(done, Refused)
        else see_other(f"{_path(person)}?done=confirmed")
    )


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (
    ("GET", "/people", listing, Access.SIGNED_IN),
    ("POST", "/people", add, Access.SIGNED_IN),
    ("GET", "/people/{name}", detail, Access.SIGNED_IN),
    ("POST", "/people/{name}/disable", disable, Access.SIGNED_IN),
    ("POST", "/people/{name}/accounts", link, Access.SIGNED_IN),
    ("POST", "/people/{name}/unlink", unlink, Access.SIGNED_IN),
    ("POST", "/people/{name}/confirm", confirm, Access.SIGNED_IN),
)
