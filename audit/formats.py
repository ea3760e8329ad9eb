"""An entry in the forms that other people's systems read. Pure.

Each form carries the sequence number and the leaf hash, so that what a SIEM holds can be joined
to a proof later. Only JSONL is evidence (it is the leaf's bytes); the rest is rendering. Sources:
OCSF 1.8.0 (schema.ocsf.io), ArcSight CEF 0, RFC 5424, CloudEvents 1.0, OpenTelemetry Logs.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from audit.chain import b64u, leaf_hash
from audit.kinds import CODE_OF
from audit.walk import us_of

VENDOR: Final = "Signoff"
PRODUCT: Final = "Signoff"
PEN: Final = 32473
"""The enterprise number that RFC 5612 reserves for documentation; who has one of their own sets `enterprise_number` of the place."""

FACILITY: Final = 13
"""RFC 5424 table 1: log audit."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf, parsed, with what every form needs."""

    seq: int
    leaf: bytes
    body: Mapping[str, Any]

    @property
    def hash(self) -> str:
        return b64u(leaf_hash(self.leaf))

    @property
    def type(self) -> str:
        return str(self.body.get("type"))

    @property
    def us(self) -> int:
        return us_of(str(self.body["ts"]))

    @property
    def data(self) -> Mapping[str, Any]:
        return self.body.get("data") or {}

    @property
    def actor(self) -> str:
        return str(self.body["act"]["ref"])

    @property
    def action(self) -> str:
        return str(self.data.get("action") or (self.body.get("tool") or {}).get("id") or "")


def entry_of(seq: int, leaf: bytes) -> Entry:
    return Entry(seq, leaf, json.loads(leaf))


# OCSF classes and activities: the table of AUDIT.md 3.1. (class, activity, action, disposition)
_ENTITY: Final = 3004
_API: Final = 6003
_DATASTORE: Final = 6005
_SESSION: Final = 3003
_AUTHENTICATION: Final = 3002
_EVENT_LOG: Final = 1008
_FINDING: Final = 2006

OCSF: Final[Mapping[str, tuple[int, int, int, int]]] = MappingProxyType(
    {
        "request.created": (_API, 1, 3, 17),
        "request.masked": (_DATASTORE, 9, 4, 11),
        "request.expired": (_ENTITY, 11, 2, 6),
        "request.cancelled": (_ENTITY, 11, 2, 6),
        "preview.shown": (_ENTITY, 2, 4, 18),
        "vote.cast": (_ENTITY, 3, 0, 0),
        "vote.withdrawn": (_ENTITY, 3, 0, 0),
        "vote.refused": (_ENTITY, 3, 2, 2),
        "decision.approved": (_ENTITY, 10, 1, 8),
        "decision.denied": (_ENTITY, 11, 2, 25),
        "grant.issued": (_SESSION, 1, 0, 0),
        "grant.used.begin": (_API, 99, 1, 1),
        "grant.used.end": (_API, 99, 1, 1),
        "grant.refused": (_API, 99, 2, 2),
        "grant.revoked": (_ENTITY, 11, 2, 6),
        "grant.lapsed": (_ENTITY, 11, 2, 6),
        "reveal.viewed": (_DATASTORE, 1, 1, 1),
        "reveal.refused": (_DATASTORE, 1, 2, 2),
        "payload.shredded": (_DATASTORE, 7, 0, 0),
        "session.login": (_AUTHENTICATION, 1, 1, 1),
        "session.refused": (_AUTHENTICATION, 1, 2, 2),
        "session.ended": (_AUTHENTICATION, 2, 1, 1),
        "log.started": (_EVENT_LOG, 6, 0, 0),
        "log.stopped": (_EVENT_LOG, 7, 0, 0),
        "log.restored": (_EVENT_LOG, 99, 0, 0),
        "log.pruned": (_EVENT_LOG, 99, 0, 0),
        "log.prune_proposed": (_EVENT_LOG, 99, 0, 0),
        "audit.queried": (_EVENT_LOG, 99, 0, 0),
        "audit.exported": (_EVENT_LOG, 3, 0, 0),
        "audit.verify_failed": (_FINDING, 1, 0, 0),
    }
)
_DEFAULT_OCSF: Final = (_ENTITY, 3, 0, 0)

_SEVERE: Final = frozenset({"audit.verify_failed", "log.restored", "break_glass.used"})
_NOTABLE: Final = frozenset(
    {
        "vote.refused",
        "grant.refused",
        "reveal.refused",
        "session.refused",
        "command.refused",
        "freeze.set",
        "decision.denied",
    }
)


def severity(kind: str) -> int:
    """0 informational, 1 worth a look, 2 wake somebody."""
    return 2 if kind in _SEVERE else 1 if kind in _NOTABLE else 0


def jsonl(entry: Entry) -> bytes:
    """The evidence: the leaf's bytes and a newline."""
    return entry.leaf + b"\n"


CSV_COLUMNS: Final = (
    "seq",
    "ts",
    "type",
    "code",
    "outcome",
    "actor_kind",
    "actor",
    "request",
    "action",
    "resource",
    "policy",
    "data",
    "leaf_hash",
)


def csv_header() -> str:
    return ",".join(CSV_COLUMNS) + "\r\n"


def csv_row(entry: Entry) -> str:
    """RFC 4180. A cell that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    body, pol = entry.body, entry.body.get("pol") or {}
    cells = (
        str(entry.seq),
        body["ts"],
        entry.type,
        body["code"],
        body["outcome"],
        body["act"]["kind"],
        entry.actor,
        body.get("req") or "",
        entry.action,
        entry.data.get("resource") or "",
        pol.get("id", ""),
        json.dumps(entry.data, sort_keys=True, separators=(",", ":")),
        entry.hash,
    )
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(str(cell)) for cell in cells])
    return out.getvalue()


def safe_cell(cell: str) -> str:
    """OWASP CSV injection: cells starting with = + - @ tab or carriage return are text, not formulas."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell else cell


def ocsf(entry: Entry) -> dict[str, Any]:
    """An OCSF 1.8.0 event. Integrity facts stand in ``unmapped`` until 1.9's profile is released."""
    class_uid, activity, action, disposition = OCSF.get(entry.type, _DEFAULT_OCSF)
    body = entry.body
    user = {"uid": entry.actor, "type_id": 3 if body["act"]["kind"] == "system" else 1}
    endpoint = {"uid": body["src"]["replica"], "name": "signoff"}
    event: dict[str, Any] = {
        "activity_id": activity,
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + activity,
        "severity_id": (1, 3, 4)[severity(entry.type)],
        "status_id": 2 if body["outcome"] in ("refused", "failure") else 1,
        "status_detail": body["outcome"],
        "time": entry.us // 1000,
        "metadata": {
            "version": "1.8.0",
            "uid": body["id"],
            "event_code": body["code"],
            "log_name": body["log"],
            "sequence": entry.seq,
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": body["src"]["ver"]},
            "profiles": ["security_control"] if action else [],
        },
        "unmapped": {
            "leaf_hash": entry.hash,
            "prev": body["prev"],
            "type": entry.type,
            "request": body.get("req") or "",
            "data": json.dumps(entry.data, sort_keys=True),
        },
    }
    if activity == 99:
        event["activity_name"] = entry.type
    if action:
        event["action_id"], event["disposition_id"] = action, disposition
    event.update(_ocsf_class(class_uid, entry, user, endpoint))
    return event


def _ocsf_class(
    class_uid: int, entry: Entry, user: dict[str, Any], endpoint: dict[str, Any]
) -> dict[str, Any]:
    actor = {"user": user}
    subject = entry.body.get("req") or entry.type
    match class_uid:
        case 6003:
            return {
                "actor": actor,
                "src_endpoint": endpoint,
                "api": {"operation": entry.action or entry.type},
            }
        case 6005:
            return {
                "actor": actor,
                "src_endpoint": endpoint,
                "type_id": 99,
                "type": "request payload",
                "database": {"uid": subject, "type_id": 99, "type": "request payload"},
            }
        case 3003:
            return {"actor": actor, "user": user, "privileges": [entry.action or "grant"]}
        case 3002:
            return {"actor": actor, "user": user, "service": {"name": PRODUCT}, "dst_endpoint": endpoint}
        case 1008:
            return {
                "actor": actor,
                "log_name": entry.body["log"],
                "log_type_id": 99,
                "log_type": "audit",
                "src_endpoint": endpoint,
            }
        case 2006:
            return {"finding_info": {"title": entry.type, "uid": entry.body["id"]}, "is_alert": True}
        case _:
            return {"actor": actor, "entity": _entity(entry, subject)}


def _entity(entry: Entry, subject: str) -> dict[str, Any]:
    """What was changed: a policy (or key), a person, an agent, a request; else the service itself."""
    data = entry.body.get("data") or {}
    named = {"uid": subject, "name": entry.type}
    if entry.type in ("policy.changed", "key.rotated", "keys.changed"):
        return {**named, "type_id": 5}
    if entry.type == "identity.changed":
        return {**named, "uid": str(data.get("person") or subject), "type_id": 2}
    if entry.type == "agent.changed":
        return {**named, "uid": str(data.get("agent") or subject), "type_id": 99, "type": "agent"}
    return {**named, "type_id": 99, "type": "approval request" if entry.body.get("req") else "service"}


def cef(entry: Entry) -> str:
    """CEF 0: pipes and backslashes escaped in the head, equals signs too in the extension."""
    head = [
        VENDOR,
        PRODUCT,
        entry.body["src"]["ver"],
        entry.body["code"],
        entry.type,
        str((3, 6, 9)[severity(entry.type)]),
    ]
    extension = {
        "rt": str(entry.us // 1000),
        "externalId": str(entry.seq),
        "suid": entry.actor,
        "act": entry.action,
        "outcome": entry.body["outcome"],
        "cs1Label": "leafHash",
        "cs1": entry.hash,
    }
    if entry.body.get("req"):
        extension |= {"cs2Label": "request", "cs2": entry.body["req"]}
    text = " ".join(f"{k}={_cef_value(v)}" for k, v in extension.items() if v)
    return "CEF:0|" + "|".join(_cef_head(part) for part in head) + "|" + text


def _cef_head(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _cef_value(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n")


def syslog(entry: Entry, hostname: str = "-", pen: int = PEN) -> bytes:
    """RFC 5424 with the leaf as message. Framing (RFC 6587/5425 octet counting) is the sender's."""
    level = (6, 4, 2)[severity(entry.type)]
    params = {"seq": str(entry.seq), "hash": entry.hash, "req": entry.body.get("req") or ""}
    structured = " ".join(f'{k}="{_sd(v)}"' for k, v in params.items())
    head = f"<{FACILITY * 8 + level}>1 {entry.body['ts']} {hostname} signoff - {CODE_OF.get(entry.type, '-')} [audit@{pen} {structured}] "
    return head.encode("ascii") + entry.leaf


def _sd(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def cloudevent(entry: Entry) -> dict[str, Any]:
    """CloudEvents 1.0, structured mode; ``data`` is the leaf."""
    event = {
        "specversion": "1.0",
        "id": entry.body["id"],
        "source": entry.body["log"],
        "type": f"io.approval.{entry.type}",
        "time": entry.body["ts"],
        "datacontenttype": "application/json",
        "data": entry.body,
        "seq": entry.seq,
        "leafhash": entry.hash,
    }
    return event | ({"subject": entry.body["req"]} if entry.body.get("req") else {})


def otel(entry: Entry) -> dict[str, Any]:
    """An OpenTelemetry log record in OTLP's JSON encoding (64-bit integers are strings there)."""
    number, text = ((9, "INFO"), (13, "WARN"), (17, "ERROR"))[severity(entry.type)]
    nanoseconds = str(entry.us * 1000)
    attributes = {
        "audit.seq": {"intValue": str(entry.seq)},
        "audit.leaf_hash": {"stringValue": entry.hash},
        "audit.log": {"stringValue": entry.body["log"]},
    }
    return {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "eventName": entry.type,
        "body": {"stringValue": entry.leaf.decode()},
        "attributes": [{"key": k, "value": v} for k, v in attributes.items()],
    }


def _line(render: Callable[[Entry], dict[str, Any]]) -> Callable[[Entry], bytes]:
    return lambda entry: json.dumps(render(entry), sort_keys=True, separators=(",", ":")).encode() + b"\n"


FORMATS: Final[Mapping[str, Callable[[Entry], bytes]]] = MappingProxyType(
    {
        "jsonl": jsonl,
        "csv": lambda entry: csv_row(entry).encode(),
        "ocsf": _line(ocsf),
        "cef": lambda entry: cef(entry).encode() + b"\n",
        "syslog": lambda entry: syslog(entry) + b"\n",
        "cloudevents": _line(cloudevent),
        "otel": _line(otel),
    }
)
"""Name → one entry as bytes, line by line. CSV needs ``csv_header`` first."""
