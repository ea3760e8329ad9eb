"""``signoff manifest``: the apps that an operator installs in Slack and in Teams, with the operator's own addresses filled in.

Decided here: what is filled in, and that the same settings give the same bytes. The models stand in ``manifest/`` (in a wheel beside
this package), where the platforms' own schemas judge them.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli._io import CONFIG, CommandError, ConfigOption, JsonOption, Speaker
from bot.config import is_loopback, load

EXAMPLE: Final = "https://signoff.example"
EXAMPLE_ID: Final = "00000000-0000-0000-0000-000000000001"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The least date that a ZIP file can hold (APPNOTE 4.4.6): the same bytes on every day."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

family = typer.Typer(
    name="manifest", help="The apps for Slack and Teams, ready to upload.", no_args_is_help=True
)
Url = Annotated[
    str | None, typer.Option(help="The public https address. Default: server.public_url of the settings.")
]


@family.command("slack")
def slack(
    url: Url = None,
    socket: Annotated[
        bool, typer.Option("--socket", help="For Socket Mode: no public address is needed.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: stdout.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """The Slack app's manifest (YAML), for api.slack.com/apps, Create New App, From a manifest."""
    text = slack_manifest("" if socket else _address(url, config))
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, "utf-8")


@family.command("teams")
def teams(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The ZIP file to write.")],
    app: Annotated[
        str | None, typer.Option(help="The bot's app id. Default: teams.app of the settings.")
    ] = None,
    url: Url = None,
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """The Teams app package (ZIP: manifest and icons), for Teams, Apps, Manage your apps, Upload an app."""
    if app is None:
        settings = load(config).teams
        app = settings.app if settings is not None else ""
    if not _UUID.fullmatch(app):
        raise CommandError("the bot's app id is a UUID in small letters; give --app, or set teams.app")
    out.write_bytes(teams_package(_address(url, config), app))
    Speaker(is_json).answer({"file": str(out), "app": app}, f"{out} is ready to upload.")


def _address(url: str | None, config: Path) -> str:
    address = (url if url is not None else load(config).server.url).rstrip("/")
    host = address.removeprefix("https://")
    if (
        not address.startswith("https://")
        or not re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", host)
        or is_loopback(host.partition(":")[0])
    ):
        raise CommandError(f"{address} is no public https address; give --url, or set server.public_url")
    return address


def slack_manifest(address: str) -> str:
    """The YAML for *address*; an empty one means Socket Mode: no addresses, and the switch is on."""
    text = (_source() / "slack.yaml").read_text("utf-8")
    if address:
        return text.replace(EXAMPLE, address).replace(
            EXAMPLE.removeprefix("https://"), address.removeprefix("https://")
        )
    lines = [line for line in text.splitlines() if not re.match(r"\s*(?:- )?(?:url|request_url): ", line)]
    return "\n".join(lines).replace("socket_mode_enabled: false", "socket_mode_enabled: true") + "\n"


def teams_package(address: str, app: str) -> bytes:
    """The ZIP for the bot *app* at *address*."""
    folder = _source() / "teams"
    manifest: dict[str, Any] = json.loads(
        (folder / "manifest.json").read_text("utf-8").replace(EXAMPLE, address).replace(EXAMPLE_ID, app)
    )
    files = {"manifest.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()}
    files |= {name: (folder / name).read_bytes() for name in ("color.png", "outline.png")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def _source() -> Path:
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "manifest", package.parent / "manifest"):
        if (folder / "slack.yaml").exists():
            return folder
    raise CommandError(
        "the manifests are not part of this installation; install the wheel, or use a checkout"
    )
