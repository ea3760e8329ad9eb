"""``signoff policy``: check a policy, try it on cases or on the requests that were asked, ask what it says of one. Changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli._io import CONFIG, CommandError, ConfigOption, Exit, JsonOption, Speaker, shown
from bot.cli._local import administer
from bot.cli.http import Api
from bot.cli.request import URL, TokenFileOption, UrlOption, credential
from bot.core import duration
from bot.core.policy import Effect, Policy, describe
from bot.core.policy_cases import CaseError, Result, explain, needs_of, read_cases, run
from bot.core.policy_judge import Judge
from bot.core.policy_load import PolicyError, load_policy
from bot.desk import simulating

family = typer.Typer(name="policy", help="Check, test and explain policies.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The policy (YAML).")]


@family.command("check")
def check(file: FileArgument, is_json: JsonOption = False) -> None:
    """Load a policy as the server would, and say its rules in words."""
    policy = _load(file)
    speaker = Speaker(is_json)
    lines = [
        f"{file.name} can be used: {len(policy.rules)} rules, {len(policy.groups)} groups.",
        policy.hash,
        "",
    ]
    lines += [f"{number}. {shown(name)}: {words}" for number, (name, words) in enumerate(_rules(policy), 1)]
    speaker.answer(
        {
            "ok": True,
            "hash": policy.hash,
            "groups": sorted(policy.groups),
            "rules": [
                {
                    "name": rule.name,
                    "effect": rule.effect.value,
                    "needs": list(needs_of(rule.requirement))
                    if rule.requirement and rule.effect is Effect.REQUIRE
                    else [],
                    "words": words,
                }
                for rule, (_, words) in zip(policy.rules, _rules(policy), strict=True)
            ],
        },
        *lines,
    )


@family.command("show")
def show(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Only rules that mention it.")] = "",
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """The rules that a running server has in force, in words, in order."""
    said = Api(url, credential("SIGNOFF_TOKEN", token_file)).get("/v1/policy")
    numbered = [
        (number, rule)
        for number, rule in enumerate(said["rules"], 1)
        if word.lower() in f"{rule['name']} {rule['when']}".lower()
    ]
    speaker = Speaker(is_json)
    speaker.answer(
        said | {"rules": [rule for _, rule in numbered]},
        speaker.table(
            ("", "rule", "then", "when"), [(n, r["name"], r["words"], r["when"]) for n, r in numbered]
        )
        if numbered
        else ("No rule mentions this word." if word else "There is no rule, so nobody may do anything."),
        f"First match decides; no match is denied. {shown(said['hash'])}",
    )


@family.command("test")
def try_cases(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="CASES...", help="Files of cases (NAME.test.yaml), or folders of them."),
    ],
    is_json: JsonOption = False,
) -> None:
    """Judge cases by the policies they name. Exit code 7 when one does not hold."""
    found = [
        case for file in files for case in (sorted(file.glob("*.test.yaml")) if file.is_dir() else [file])
    ]
    if not found:
        raise CommandError("there are no files of cases (NAME.test.yaml) here")
    results = {file: _test(file) for file in found}
    failed = sum(bool(result.faults) for batch in results.values() for result in batch)
    total = sum(len(batch) for batch in results.values())
    lines = []
    for file, batch in results.items():
        bad = [result for result in batch if result.faults]
        lines.append(f"{file.name}: {len(batch) - len(bad)} of {len(batch)} hold")
        lines += [f"  FAILED {shown(result.name)}: {shown('; '.join(result.faults))}" for result in bad]
    lines.append(f"{total} cases, {failed} failed")
    Speaker(is_json).answer(
        {
            "ok": not failed,
            "total": total,
            "failed": failed,
            "files": {
                str(file): [
                    {"name": r.name, "ok": not r.faults, "faults": list(r.faults), "rule": r.judged.rule}
                    for r in batch
                ]
                for file, batch in results.items()
            },
        },
        *lines,
    )
    if failed:
        raise typer.Exit(Exit.FINDINGS)


@family.command("explain")
def explain_(
    file: FileArgument,
    ask: Annotated[Path, typer.Argument(metavar="ASK", help="A request body (JSON), or - for stdin.")],
    agent: Annotated[str, typer.Option(help="Who asks.")] = "agent:test",
    owner: Annotated[list[str] | None, typer.Option(help="Its owners.")] = None,
    finds: Annotated[
        list[str] | None, typer.Option(help="KIND=COUNT that masking finds; otherwise masking looks.")
    ] = None,
    earlier: Annotated[float, typer.Option(help="What the rule's window holds already.")] = 0,
    is_json: JsonOption = False,
) -> None:
    """Say what a policy does with one request, and why."""
    policy = _load(file)
    body = _ask(ask)
    kinds = _finds(finds) if finds is not None else _scan(body)
    try:
        judged = explain(
            Judge(policy),
            body,
            agent=agent,
            owners=tuple(owner or ("person:owner",)),
            finds=kinds,
            earlier=earlier,
        )
    except CaseError as error:
        raise CommandError(str(error)) from None
    found = ", ".join(f"{name} ({count})" for name, count in sorted(kinds.items())) or "nothing"
    Speaker(is_json).answer(
        {
            "effect": judged.effect, "rule": judged.rule or None, "needs": list(judged.needs),
            "sentence": judged.sentence, "finds": dict(sorted(kinds.items())),
        },
        f"effect  {judged.effect}",
        f"rule    {shown(judged.rule) or '(none)'}",
        f"finds   {found}",
        judged.sentence,
    )  # fmt: skip


@family.command("simulate")
def simulate(
    file: FileArgument,
    since: Annotated[str, typer.Option(help="How far back, such as 30d.")] = "30d",
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Judge the requests that were really asked by another policy, and say which would be decided differently. Nothing is put in
    force and no payload is shown; the log notes that it was done. Exit code 7 when something would change."""
    policy = _load(file)
    try:
        back = duration.parse_positive(since)
    except ValueError as error:
        raise CommandError(f"--since: {error}", Exit.USAGE) from None
    result = administer(config, lambda bot: simulating.simulate(bot.office, policy, back))
    lines = [
        f"{result.replayed} requests of the last {since} judged again, {result.changed} would be decided differently."
    ]
    if result.unreadable:
        lines.append(f"{result.unreadable} more cannot be opened any more, so nothing is said of them.")
    for change in sorted(result.changes, key=lambda change: -change.count):
        lines += [
            "",
            f"{change.count} x {change.action} on {change.resource}",
            f"  was       {_words(change.was)}  ({shown(change.was_rule)})",
            f"  would be  {_words(change.would_be)}  ({shown(change.would_rule) or 'no rule'})",
            f"  such as   {', '.join(change.ids[:3])}",
        ]
    Speaker(is_json).answer(
        {
            "since": since,
            "hash": policy.hash,
            "replayed": result.replayed,
            "changed": result.changed,
            "unreadable": result.unreadable,
            "changes": [
                {
                    "action": change.action, "resource": change.resource, "count": change.count, "requests": change.ids,
                    "was": _json(change.was, change.was_rule), "would_be": _json(change.would_be, change.would_rule),
                }
                for change in result.changes
            ],
        },
        *lines,
    )  # fmt: skip
    if result.changes:
        raise typer.Exit(Exit.FINDINGS)


def _words(said: simulating.Said) -> str:
    needs = f" {', '.join(said.needs)}".replace(", then, ", ", then ") if said.needs else ""
    strong = f" by {said.assurance}" if said.assurance not in ("", "chat") else ""
    return f"{said.effect}{needs}{strong}"


def _json(said: simulating.Said, rule: str) -> dict[str, Any]:
    return {
        "effect": said.effect,
        "needs": list(said.needs),
        "assurance": said.assurance or None,
        "rule": rule or None,
    }


def _load(file: Path) -> Policy:
    try:
        return load_policy(file.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8") from None
    except PolicyError as error:
        place = file.name if error.line is None else f"{file.name}:{error.line}"
        raise CommandError(f"{place}: {error}") from None


def _rules(policy: Policy) -> list[tuple[str, str]]:
    words = {Effect.ALLOW: "allowed at once", Effect.DENY: "denied at once"}
    return [
        (
            rule.name,
            describe(rule.requirement)
            if rule.effect is Effect.REQUIRE and rule.requirement
            else words[rule.effect],
        )
        for rule in policy.rules
    ]


def _test(file: Path) -> list[Result]:
    try:
        cases = read_cases(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except CaseError as error:
        raise CommandError(f"{file.name}: {error}") from None
    return run(_load(file.parent / cases.policy), cases)


def _ask(file: Path) -> dict[str, Any]:
    try:
        text = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
        body = json.loads(text)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise CommandError(f"{file} is not JSON") from None
    if not isinstance(body, dict):
        raise CommandError("a request is a JSON object")
    return body


def _finds(given: list[str]) -> dict[str, int]:
    kinds = {}
    for one in given:
        name, _, count = one.partition("=")
        if not name or not count.isascii() or not count.isdigit():
            raise CommandError(f"--finds {one}: write KIND=COUNT, such as email_address=3")
        kinds[name] = int(count)
    return kinds


def _scan(body: dict[str, Any]) -> dict[str, int]:
    """What masking finds in the parts of the request that the server would mask."""
    from masking import Engine  # a second of loading that the other commands need not pay

    parts = {
        name: body[name] for name in ("action", "resource", "parameters", "precondition") if name in body
    }
    document = {"payload": parts} | {
        name: body[name] for name in ("justification", "context") if body.get(name)
    }
    return dict(Engine().mask_json(document).classes)
