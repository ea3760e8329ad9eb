"""``signoff break-glass``: approve alone in an emergency, review what others did, list both; over the HTTP API.

Deliberately absent: the operator's way. Nobody on the host's command line breaks the glass: it takes a person with a token.
"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.cli.http import Api
from bot.cli.request import URL, TokenFileOption, UrlOption, credential, request_of

family = typer.Typer(
    name="break-glass", help="Approve alone in an emergency; review it afterwards.", no_args_is_help=True
)
IdArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]


@family.command("use")
def use(
    id: IdArgument,
    reason: Annotated[str, typer.Option(help="Why nobody else can decide in time; everybody reads it.")],
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Approve a request against its quorum, alone. Everybody is told, and somebody else must review it."""
    api = Api(url, credential("SIGNOFF_TOKEN", token_file))
    said = api.post(f"/v1/requests/{request_of(id)}/break-glass", {"reason": reason})
    Speaker(is_json).answer(said, f"{said['request']} is {said['state']} by break-glass. A review is due.")


@family.command("review")
def review(
    id: IdArgument,
    verdict: Annotated[str, typer.Argument(metavar="justified|unjustified")],
    comment: Annotated[str, typer.Option(help="What you found; for the log.")],
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Judge a break-glass that somebody else used."""
    if verdict not in {"justified", "unjustified"}:
        raise CommandError("the verdict is justified or unjustified", Exit.USAGE)
    api = Api(url, credential("SIGNOFF_TOKEN", token_file))
    body = {"verdict": verdict, "comment": comment}
    said = api.post(f"/v1/requests/{request_of(id)}/break-glass/review", body)
    late = " (late)" if said["is_late"] else ""
    Speaker(is_json).answer(
        said, f"The break-glass of {said['request']} is reviewed: {said['verdict']}{late}."
    )


@family.command("list")
def list_(url: UrlOption = URL, token_file: TokenFileOption = None, is_json: JsonOption = False) -> None:
    """List uses and their reviews, newest first. Exit code 7 when a review is overdue."""
    said = Api(url, credential("SIGNOFF_TOKEN", token_file)).get("/v1/break-glass")
    lines = []
    for one in said["uses"]:
        stands = one["verdict"] or ("REVIEW OVERDUE since" if one["is_overdue"] else "review due")
        until = f"by {shown(one['reviewed_by'])}" if one["verdict"] else one["review_by"]
        lines += [
            f"{one['request']}  {one['at']}  {shown(one['by'])}  {one['action']} on {shown(one['resource'])}",
            f"  {shown(one['reason'])}",
            f"  {stands} {until}",
        ]
    Speaker(is_json).answer(said, *(lines or ["Nobody broke the glass, or you may not see it."]))
    if any(one["is_overdue"] for one in said["uses"]):
        raise typer.Exit(Exit.FINDINGS)
