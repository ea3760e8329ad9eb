"""The policy in force: groups, rules in order, in words and as they stand in the file, and the hash that requests are judged under."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from adapters.web.guard import Access, Handler, Visit
from bot.core.policy import Effect, Rule, describe, words


def rule_words(rule: Rule) -> str:
    match rule.effect:
        case Effect.ALLOW:
            return "Allowed at once, and written down."
        case Effect.DENY:
            return "Denied at once."
        case Effect.REQUIRE:
            return describe(rule.requirement)


async def page(visit: Visit) -> Response:
    policy = await visit.desk.policy()
    names = {person.id: person.name for person in await visit.desk.people()}
    return visit.page(
        "policies.html.j2",
        nav="policies",
        policy=policy,
        rules=[(rule, rule_words(rule)) for rule in policy.rules],
        names=names,
        duration=words,
    )


ROUTES: Final[tuple[tuple[str, str, Handler, Access], ...]] = (("GET", "/policies", page, Access.SIGNED_IN),)
