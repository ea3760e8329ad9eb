"""``signoff break-glass`` and ``signoff standing``: what passes without a quorum of its own; over the HTTP API.

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
standing = typer.Typer(
    name="standing", help="Standing approvals: look at them, take them back.", no_args_is_help=True
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


@standing.command("list")
def standing_list(
    url: UrlOption = URL, token_file: TokenFileOption = None, is_json: JsonOption = False
) -> None:
    """List the standing approvals that you may look at, newest first."""
    said = Api(url, credential("SIGNOFF_TOKEN", token_file)).get("/v1/standing")
    lines = [
        f"{one['id']}  {one['state']:<8} {one['uses']}/{one['uses_max']} until {one['until']}  {one['agent']} {one['action']} on {shown(one['resource'])}"
        for one in said["standing"]
    ]
    Speaker(is_json).answer(said, *(lines or ["There are no standing approvals that you may look at."]))


@standing.command("show")
def standing_show(
    id: IdArgument, url: UrlOption = URL, token_file: TokenFileOption = None, is_json: JsonOption = False
) -> None:
    """Show one standing approval: its terms, its uses and who approved it."""
    said = Api(url, credential("SIGNOFF_TOKEN", token_file)).get("/v1/standing")
    one = next((line for line in said["standing"] if line["id"] == request_of(id)), None)
    if one is None:
        raise CommandError("there is no such standing approval, or you may not look at it")
    Speaker(is_json).answer(
        one,
        f"{one['id']} is {one['state']}: {one['uses']} of {one['uses_max']} uses",
        f"agent      {one['agent']}",
        f"action     {one['action']} on {shown(one['resource'])}",
        f"rule       {shown(one['rule'])}",
        f"approved   {shown(', '.join(one['approvers']))}, {one['granted_at']}",
        f"until      {one['until']}",
        *([f"taken back {shown(one['revoked_by'])}, {one['revoked_at']}"] if one["revoked_at"] else []),
    )


@standing.command("revoke")
def standing_revoke(
    id: IdArgument,
    reason: Annotated[str, typer.Option(help="Why; for the log.")] = "",
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Take a standing approval back; it decides nothing from now on."""
    api = Api(url, credential("SIGNOFF_TOKEN", token_file))
    said = api.post(f"/v1/standing/{request_of(id)}/revoke", {"reason": reason})
    Speaker(is_json).answer(said, f"{said['id']} is taken back after {said['uses']} uses.")
