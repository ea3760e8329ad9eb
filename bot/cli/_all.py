"""All commands of ``signoff`` in one; each file beside this one holds a family of them. Deliberately absent: rules."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from bot.cli import (
    agents,
    audit,
    audit_keep,
    audit_look,
    data,
    demo,
    doctor,
    exceptions,
    freeze,
    keys,
    manifest,
    mask,
    own,
    people,
    policy,
    request,
    serve,
    setup,
    witness,
)
from bot.cli._io import Exit

app = typer.Typer(
    name="signoff",
    help="Human approval for AI agents' privileged actions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (setup, serve, demo, request, own, doctor, freeze, data):
    module.add_to(app)
for module in (policy, exceptions, agents, people, keys, audit, mask, manifest, witness):
    app.add_typer(module.family)
app.add_typer(exceptions.standing)
audit_look.add_to(audit.family)
audit_keep.add_to(audit.family)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        sys.stdout.write(f"signoff {installed_version('signoff')}\n")
        raise typer.Exit(Exit.OK)
