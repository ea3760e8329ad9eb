"""``signoff request``, ``run``, ``show``, ``vote``: the agent's and the approver's side over the HTTP API, for scripts.

Decided here: exit codes (0 approved, 3 denied, 4 expired, 5 still pending, 6 cancelled), that waiting outlasts a restart of the
server, and that ``run`` starts its command only with a spent grant for exactly that command, and always reports what became of it,
a command that could not be started or was interrupted too. Credentials come from the environment
(``SIGNOFF_KEY``, ``SIGNOFF_TOKEN``) or an owner-only file, never from an argument that other users of the host could read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.cli.http import Api, Unreachable
from bot.core import duration
from bot.secret import Secret

WAIT_STEP_SECONDS: Final = 50
"""The API holds an answer for at most 60 s."""
AWAY_SECONDS: Final = 2.0
"""Between two looks for a server that does not answer."""
REPEAT_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)
"""Before each repeat of a call whose answer was lost."""
CODES: Final = {
    "approved": Exit.OK,
    "denied": Exit.DENIED,
    "expired": Exit.EXPIRED,
    "cancelled": Exit.CANCELLED,
    "pending": Exit.PENDING,
}

UrlOption = Annotated[str, typer.Option("--url", envvar="SIGNOFF_URL", help="The server's address.")]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="File with the agent's key; else SIGNOFF_KEY.")
]
TokenFileOption = Annotated[
    Path | None, typer.Option("--token-file", help="File with your token; else SIGNOFF_TOKEN.")
]
URL: Final = "http://127.0.0.1:8080"


def add_to(app: typer.Typer) -> None:
    app.command("request")(request)
    app.command("run", context_settings={"ignore_unknown_options": True})(run)
    app.command("show")(show)
    app.command("vote")(vote)


def request(
    body: Annotated[Path, typer.Argument(metavar="BODY", help="The request (JSON), or - for stdin.")],
    url: UrlOption = URL,
    key_file: KeyFileOption = None,
    wait: Annotated[
        str, typer.Option(help="How long to wait for the decision, such as 30m; 0s not at all.")
    ] = "0s",
    idempotency_key: Annotated[
        str, typer.Option(help="The same key and body ask only once. Default: a new one.")
    ] = "",
    is_json: JsonOption = False,
) -> None:
    """Ask for leave to act. Exit code: 0 approved, 3 denied, 4 expired, 5 still pending, 6 cancelled."""
    api, patience = Api(url, credential("SIGNOFF_KEY", key_file)), _seconds(wait)
    state = _ask(api, _read(body), idempotency_key or uuid.uuid4().hex)
    state = _wait(api, state, patience)
    Speaker(is_json).answer(state, *_lines(state))
    raise typer.Exit(CODES[state["state"]])


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="What to run once it is approved.")
    ],
    action: Annotated[str, typer.Option(help="The action's name in the policy.")] = "shell.run",
    env: Annotated[str, typer.Option("--env", help="Environment that the policy tells apart.")] = "",
    why: Annotated[str, typer.Option(help="Justification, shown as the agent's claim.")] = "",
    url: UrlOption = URL,
    key_file: KeyFileOption = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the decision.")] = "30m",
    keep_key: Annotated[
        bool,
        typer.Option(
            "--keep-key", help="Leave SIGNOFF_KEY in COMMAND's environment, for one that asks by itself."
        ),
    ] = False,
) -> None:
    """Ask for leave to run COMMAND, wait, spend the grant, run it, report the outcome. Exit code: COMMAND's own, or as `request`."""
    api, patience = Api(url, credential("SIGNOFF_KEY", key_file)), _seconds(wait)
    program = _resolve(command[0])
    parameters = {
        "command": [program, *command[1:]],
        "cwd": str(Path.cwd()),
        "program_sha256": _digest(program),
    }
    payload: dict[str, Any] = {
        "action": action,
        "resource": {"type": "host", "id": os.uname().nodename} | ({"env": env} if env else {}),
        "parameters": parameters,
    }
    ask = payload | ({"justification": why} if why else {})
    state = _ask(api, json.dumps(ask).encode(), uuid.uuid4().hex)
    sys.stderr.write(f"signoff: {state['id']} asks for leave; waiting\n")
    state = _wait(api, state, patience)
    if state["state"] != "approved":
        sys.stderr.write("\n".join(_lines(state)) + "\n")
        raise typer.Exit(CODES[state["state"]])
    if _digest(program) != parameters["program_sha256"]:
        raise CommandError(
            f"{program} changed while the request was open; nothing was run and the grant was not spent"
        )
    grant = state["grant"]
    spend = {"token": grant["token"], "payload": payload, "redemption_key": uuid.uuid4().hex}
    _surely(lambda: api.post("/v1/grants/redeem", spend))
    hidden = {"SIGNOFF_TOKEN"} if keep_key else {"SIGNOFF_KEY", "SIGNOFF_TOKEN"}
    raise typer.Exit(_run(api, grant["id"], [program, *command[1:]], hidden))


def _run(api: Api, grant: str, command: list[str], hidden: Collection[str]) -> int:
    """The exit code of *command*, which finds nothing of *hidden* in its environment: it was let do one thing, not ask for the next.
    From here on the grant is spent, so whatever happens is reported."""
    outcome, detail = "failed", "interrupted"
    try:
        code = subprocess.run(command, check=False, env=_environment(hidden)).returncode
        outcome, detail = ("succeeded" if code == 0 else "failed"), f"exit {code}"
    except OSError as error:
        detail = "not started"
        raise CommandError(
            f"{shown(command[0])} could not be started ({error.strerror}); its grant is spent, so ask again once that is mended"
        ) from None
    finally:
        try:
            _surely(lambda: api.post(f"/v1/grants/{grant}/outcome", {"outcome": outcome, "detail": detail}))
        except CommandError as fault:
            sys.stderr.write(
                f"signoff: the outcome ({detail}) could not be reported, so {grant} is listed as one without an end: {fault}\n"
            )
    return code if code >= 0 else 128 - code


def _environment(hidden: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in hidden}


def show(
    id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show a request's masked card, as an approver."""
    card = Api(url, credential("SIGNOFF_TOKEN", token_file)).get(f"/v1/requests/{request_of(id)}/card")
    Speaker(is_json).answer(card, json.dumps(card, indent=2))


def vote(
    id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
    choice: Annotated[str, typer.Argument(metavar="approve|deny")],
    comment: Annotated[str, typer.Option(help="Why; needed for a denial.")] = "",
    version: Annotated[
        int | None, typer.Option(min=1, help="The card version you looked at (`signoff show`).")
    ] = None,
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Vote with a personal access token."""
    if choice not in {"approve", "deny"}:
        raise CommandError("the choice is approve or deny", Exit.USAGE)
    api = Api(url, credential("SIGNOFF_TOKEN", token_file))
    body = {"choice": choice, "comment": comment} | ({"version": version} if version is not None else {})
    said = api.post(f"/v1/requests/{request_of(id)}/votes", body)
    Speaker(is_json).answer(said, f"{said['request']} is {said['state']}.")


def _ask(api: Api, body: bytes, key: str) -> dict[str, Any]:
    state: dict[str, Any] = api.post("/v1/requests", body, Idempotency_Key=key)
    return state


def _wait(api: Api, state: dict[str, Any], seconds: float) -> dict[str, Any]:
    """*state* once it is settled, or as it is when *seconds* are over. A server that is away meanwhile is asked again."""
    end = time.monotonic() + seconds
    while state["state"] == "pending":
        left = end - time.monotonic()
        if left <= 0:
            break
        step = max(1, min(WAIT_STEP_SECONDS, int(left)))
        try:
            state = api.get(f"/v1/requests/{state['id']}?wait={step}", wait=step)
        except Unreachable:
            if end - time.monotonic() <= AWAY_SECONDS:
                raise
            time.sleep(AWAY_SECONDS)
    return state


def _surely(call: Callable[[], Any]) -> Any:
    """*call*, which a second time answers the same, again while nobody answers."""
    for pause in REPEAT_SECONDS:
        try:
            return call()
        except Unreachable:
            time.sleep(pause)
    return call()


def _lines(state: dict[str, Any]) -> list[str]:
    reason = state.get("reason") or {}
    lines = [f"{state['id']} is {state['state']}."]
    if reason.get("sentence"):
        lines.append(shown(reason["sentence"]))
    if state["state"] == "pending":
        lines.append(f"decide by {state.get('decide_by')}")
    return lines


def _read(body: Path) -> bytes:
    """The request as it is written: what the server judges, and people approve, are exactly these bytes."""
    name = "standard input" if str(body) == "-" else str(body)
    try:
        raw = typer.get_binary_stream("stdin").read() if str(body) == "-" else body.read_bytes()
        value = json.loads(raw)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CommandError(f"{name} is not JSON") from None
    if not isinstance(value, dict):
        raise CommandError("a request is a JSON object")
    return raw


def credential(name: str, file: Path | None) -> Secret:
    if file is not None:
        try:
            if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CommandError(f"{file} may be read by others; run chmod 600 {file}")
            text = file.read_text("utf-8").strip()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    else:
        text = os.environ.get(name, "").strip()
    if not text:
        option = "--key-file" if name == "SIGNOFF_KEY" else "--token-file"
        raise CommandError(f"no credential: set {name} or give {option}")
    return Secret(text)


def _seconds(text: str) -> float:
    try:
        return duration.parse(text).total_seconds()
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def request_of(text: str) -> str:
    if not text.startswith("req_") or not text[4:].isalnum() or not text.isascii():
        raise CommandError("a request's id looks like req_…")
    return text


def _resolve(program: str) -> str:
    """The program's own path, links followed, so that what is approved is what runs (T16)."""
    import shutil

    found = shutil.which(program)
    if found is None:
        raise CommandError(f"there is no program {shown(program)}")
    return str(Path(found).resolve())


def _digest(program: str) -> str:
    with Path(program).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
