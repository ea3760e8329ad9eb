"""``signoff people``: who the humans are and which accounts are theirs. Every change is journalled."""

from __future__ import annotations

import secrets
import sys
from datetime import timedelta
from typing import Annotated, Any

import typer

from adapters.web.passwords import hash_password
from bot.app import Bot
from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker, agreed, shown
from bot.cli._local import administer
from bot.core import duration
from bot.core.ids import AccountKey, PersonId, person_id
from bot.core.people import Account, Person, Role

family = typer.Typer(
    name="people", help="Persons, their accounts, passwords and tokens.", no_args_is_help=True
)
PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="NAME or person:NAME.")]


def _id(name: str) -> PersonId:
    try:
        return person_id(name)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _duration(text: str) -> timedelta:
    try:
        return duration.parse(text)
    except ValueError as error:
        raise CommandError(str(error)) from None


@family.command("add")
def add(
    name: PersonArgument,
    full_name: Annotated[str, typer.Option("--name", help="How cards call them.")] = "",
    role: Annotated[list[Role] | None, typer.Option(help="admin, auditor; may be repeated.")] = None,
    password: Annotated[bool, typer.Option(help="Make a local console password and print it once.")] = False,
    no_cool_down: Annotated[
        bool, typer.Option(help="The account may decide at once (first installation).")
    ] = False,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Add a person, or change the name and roles of one who is there."""
    id = _id(name)

    async def work(bot: Bot) -> dict[str, Any]:
        person = agreed(
            await bot.desk.add_person(
                None, id, full_name or id.removeprefix("person:"), frozenset(role or ())
            )
        )
        said: dict[str, Any] = _person(person)
        if password:
            said["login"], said["password"] = await _password(bot, id, timedelta(0) if no_cool_down else None)
        return said

    said = administer(config, work)
    lines = [f"{said['person']} is here."]
    if "password" in said:
        lines += [
            f"  sign in as  {said['login']}",
            f"  password    {said['password']}",
            "The password is shown this once.",
        ]
    Speaker(is_json).answer(said, *lines)


@family.command("list")
def list_(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Everybody, with roles and accounts."""

    async def work(bot: Bot) -> list[tuple[Person, list[Account]]]:
        return [(person, await bot.desk.accounts(person.id)) for person in await bot.desk.people()]

    found = administer(config, work)
    speaker = Speaker(is_json)
    speaker.answer(
        [
            _person(person) | {"accounts": [_account(account) for account in accounts]}
            for person, accounts in found
        ],
        speaker.table(
            ("person", "name", "roles", "state", "accounts"),
            [
                (
                    person.id,
                    person.name,
                    ", ".join(sorted(person.roles)),
                    "enabled" if person.enabled else "disabled",
                    ", ".join(account.key for account in accounts if account.revoked_at is None),
                )
                for person, accounts in found
            ],
        ),
    )


@family.command("link")
def link(
    name: PersonArgument,
    account: Annotated[str, typer.Argument(help="slack:TEAM:USER, teams:TENANT:OBJECT or oidc:ISSUER:SUB.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Link an account to a person. It may decide after the cool-down (T04)."""
    if account.partition(":")[0] not in {"slack", "teams", "oidc"} or account.count(":") < 2:
        raise CommandError(
            "write slack:TEAM:USER, teams:TENANT:OBJECT or oidc:ISSUER:SUB; passwords are set by `people password`"
        )
    id = _id(name)
    linked = agreed(
        administer(config, lambda bot: bot.desk.link_account(None, AccountKey(account), id, proof="operator"))
    )
    Speaker(is_json).answer(
        _account(linked),
        f"{shown(linked.key)} is {linked.person}; it may decide from {linked.active_from.isoformat(timespec='minutes')}.",
    )


@family.command("unlink")
def unlink(
    account: Annotated[str, typer.Argument(help="The account, as `people list` shows it.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Take an account away from its person; their sessions end."""
    agreed(administer(config, lambda bot: bot.desk.unlink_account(None, AccountKey(account))))
    Speaker(is_json).answer({"unlinked": account}, f"{shown(account)} belongs to nobody now.")


@family.command("password")
def password(
    name: PersonArgument,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the password from stdin instead of making one.")
    ] = False,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Set the console password of a person."""
    id = _id(name)
    given = sys.stdin.readline().rstrip("\n") if from_stdin else ""
    if from_stdin and not given:
        raise CommandError("there was no password on stdin")
    login, made = administer(config, lambda bot: _password(bot, id, None, given))
    data = {"person": id, "login": login} | ({} if given else {"password": made})
    lines = (
        [f"{login} may sign in with it."]
        if given
        else [f"  sign in as  {login}", f"  password    {made}", "It is shown this once."]
    )
    Speaker(is_json).answer(data, *lines)


@family.command("token")
def token(
    name: PersonArgument,
    valid_for: Annotated[str, typer.Option(help="How long it works, such as 8h or 30d.")] = "30d",
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Print a personal access token, once."""
    id, span = _id(name), _duration(valid_for)
    text = agreed(administer(config, lambda bot: bot.desk.issue_person_token(None, id, span)))
    Speaker(is_json).answer({"person": id, "token": text}, text)


@family.command("disable")
def disable(name: PersonArgument, config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """End a person's access at once: sessions, tokens, counted votes."""
    id = _id(name)
    person = agreed(administer(config, lambda bot: bot.desk.disable_person(None, id)))
    Speaker(is_json).answer(_person(person), f"{person.id} is disabled.")


async def _password(bot: Bot, id: PersonId, cool_down: timedelta | None, given: str = "") -> tuple[str, str]:
    made = given or secrets.token_urlsafe(18)
    login = id.removeprefix("person:")
    try:
        stored = hash_password(made)
    except ValueError as error:
        raise CommandError(str(error)) from None
    agreed(
        await bot.desk.link_account(
            None, AccountKey(f"local:{login}"), id, proof="operator", secret=stored, cool_down=cool_down
        )
    )
    return login, made


def _person(person: Person) -> dict[str, Any]:
    return {
        "person": person.id, "name": person.name, "roles": sorted(person.roles), "enabled": person.enabled,
        "groups": sorted(person.groups),
    }  # fmt: skip


def _account(account: Account) -> dict[str, Any]:
    return {
        "account": account.key,
        "person": account.person,
        "proof": account.proof,
        "active_from": account.active_from.isoformat(),
        "revoked_at": account.revoked_at.isoformat() if account.revoked_at else None,
        "expires_at": account.expires_at.isoformat() if account.expires_at else None,
    }
