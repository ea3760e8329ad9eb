"""``signoff request``, ``run``, ``show``, ``vote``: the agent's and the approver's side over the HTTP API, for scripts.

Decided here: exit codes (0 approved, 3 denied, 4 expired, 5 still pending, 6 cancelled) and that ``run`` starts its command only
with a spent grant for exactly that command, and always reports what became of it. Credentials come from the environment
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
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli._io import CommandError, Exit, JsonOption, Speaker, shown
from bot.cli.http import Api
from bot.core import duration
from bot.secret import Secret

WAIT_STEP_SECONDS: Final = 50
"""The API holds an answer for at most 60 s."""
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
    api = Api(url, _credential("SIGNOFF_KEY", key_file))
    state = _ask(api, _read(body), idempotency_key or uuid.uuid4().hex)
    state = _wait(api, state, _seconds(wait))
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
) -> None:
    """Ask for leave to run COMMAND, wait, spend the grant, run it, report the outcome. Exit code: COMMAND's own, or as `request`."""
    api = Api(url, _credential("SIGNOFF_KEY", key_file))
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
    state = _ask(api, payload | ({"justification": why} if why else {}), uuid.uuid4().hex)
    sys.stderr.write(f"signoff: {state['id']} asks for leave; waiting\n")
    state = _wait(api, state, _seconds(wait))
    if state["state"] != "approved":
        sys.stderr.write("\n".join(_lines(state)) + "\n")
        raise typer.Exit(CODES[state["state"]])
    if _digest(program) != parameters["program_sha256"]:
        raise CommandError(
            f"{program} changed while the request was open; nothing was run and the grant was not spent"
        )
    grant = state["grant"]
    api.post(
        "/v1/grants/redeem", {"token": grant["token"], "payload": payload, "redemption_key": uuid.uuid4().hex}
    )
    done = subprocess.run([program, *command[1:]], check=False)
    outcome = "succeeded" if done.returncode == 0 else "failed"
    api.post(f"/v1/grants/{grant['id']}/outcome", {"outcome": outcome, "detail": f"exit {done.returncode}"})
    raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


def show(
    id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
    url: UrlOption = URL,
    token_file: TokenFileOption = None,
    is_json: JsonOption = False,
) -> None:
    """Show a request's masked card, as an approver."""
    card = Api(url, _credential("SIGNOFF_TOKEN", token_file)).get(f"/v1/requests/{_id(id)}/card")
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
    api = Api(url, _credential("SIGNOFF_TOKEN", token_file))
    body = {"choice": choice, "comment": comment} | ({"version": version} if version is not None else {})
    said = api.post(f"/v1/requests/{_id(id)}/votes", body)
    Speaker(is_json).answer(said, f"{said['request']} is {said['state']}.")


def _ask(api: Api, body: dict[str, Any], key: str) -> dict[str, Any]:
    state: dict[str, Any] = api.post("/v1/requests", body, Idempotency_Key=key)
    return state


def _wait(api: Api, state: dict[str, Any], seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while state["state"] == "pending":
        left = end - time.monotonic()
        if left <= 0:
            break
        step = max(1, min(WAIT_STEP_SECONDS, int(left)))
        state = api.get(f"/v1/requests/{state['id']}?wait={step}", wait=step)
    return state


def _lines(state: dict[str, Any]) -> list[str]:
    reason = state.get("reason") or {}
    lines = [f"{state['id']} is {state['state']}."]
    if reason.get("sentence"):
        lines.append(shown(reason["sentence"]))
    if state["state"] == "pending":
        lines.append(f"decide by {state.get('decide_by')}")
    return lines


def _read(body: Path) -> dict[str, Any]:
    try:
        raw = typer.get_binary_stream("stdin").read() if str(body) == "-" else body.read_bytes()
        value = json.loads(raw)
    except OSError as error:
        raise CommandError(f"{body} cannot be read: {error.strerror}") from None
    except ValueError:
        raise CommandError(f"{body} is not JSON") from None
    if not isinstance(value, dict):
        raise CommandError("a request is a JSON object")
    return value


def _credential(name: str, file: Path | None) -> Secret:
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


def _id(text: str) -> str:
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
