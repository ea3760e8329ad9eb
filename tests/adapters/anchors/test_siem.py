"""Sinks over real sockets and real TLS: what each sends, when it counts as taken, and where it refuses to go (T34)."""

from __future__ import annotations

import json
import ssl

import pytest

from adapters.anchors.siem import HttpSink, SinkFault, SyslogTls
from audit.chain import b64u, leaf_hash
from audit.formats import entry_of
from audit.reader import Reader
from bot.outgoing import Reach
from bot.secret import Secret
from tests.audit.logs import filled
from tests.support.collectors import ca, http_collector, syslog_collector
from tests.support.tls import certificate

LOCAL = Reach(frozenset({"localhost", "127.0.0.1"}))


def entries():
    return [entry_of(seq, leaf) for seq, leaf, _ in Reader(filled()).leaves(0, 24)]


# --- syslog


async def test_syslog_goes_over_tls_in_counted_frames_with_number_and_hash(tmp_path):
    pem, inside = certificate(tmp_path)
    sent = entries()

    async with syslog_collector(inside) as siem:
        await SyslogTls("s", "localhost", siem.port, ca(pem), hostname="host1", reach=LOCAL).send(sent)

    assert siem.seqs == list(range(24))
    assert siem.got[0][1].startswith(
        b'<110>1 2026-11-23T18:55:37.123456Z host1 signoff - ABR001 [audit@32473 seq="0"'
    )
    for entry, (_, message) in zip(sent, siem.got, strict=True):
        assert message.endswith(b"] " + entry.leaf)
        assert f'hash="{b64u(leaf_hash(entry.leaf))}"'.encode() in message


async def test_cef_travels_inside_syslog(tmp_path):
    pem, inside = certificate(tmp_path)

    async with syslog_collector(inside) as siem:
        await SyslogTls("s", "localhost", siem.port, ca(pem), form="cef", pen=99, reach=LOCAL).send(entries())

    assert siem.seqs == list(range(24))
    assert all(b" [audit@99 seq=" in message for _, message in siem.got)
    assert all(b"] CEF:0|Signoff|Signoff|" in message for _, message in siem.got)


async def test_a_certificate_that_nobody_trusts_or_of_another_name_gets_nothing(tmp_path):
    pem, inside = certificate(tmp_path / "a")
    other, named_otherwise = certificate(tmp_path / "b", "siem.example")

    async with syslog_collector(inside) as siem:
        with pytest.raises(SinkFault, match="certificate"):
            await SyslogTls("s", "localhost", siem.port, ca(other), reach=LOCAL).send(entries())
        assert siem.got == []
    async with syslog_collector(named_otherwise) as siem:
        with pytest.raises(SinkFault, match="certificate"):
            await SyslogTls("s", "localhost", siem.port, ca(other), reach=LOCAL).send(entries())
        assert siem.got == []
    assert pem != other


async def test_a_collector_that_drops_the_connection_took_nothing(tmp_path):
    pem, inside = certificate(tmp_path)

    async with syslog_collector(inside) as siem:
        siem.fault = "reset"
        with pytest.raises(SinkFault):
            await SyslogTls("s", "localhost", siem.port, ca(pem), reach=LOCAL).send(entries() * 200)
        port = siem.port
    with pytest.raises(SinkFault, match="reached"):
        await SyslogTls("s", "localhost", port, ca(pem), reach=LOCAL).send(entries())


async def test_t34_a_host_that_resolves_inwards_is_called_only_when_it_is_listed(tmp_path):
    pem, inside = certificate(tmp_path)

    async def rebound(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with syslog_collector(inside) as siem:
        with pytest.raises(SinkFault, match="not called"):
            await SyslogTls("s", "localhost", siem.port, ca(pem), resolve=rebound).send(entries())
        with pytest.raises(SinkFault, match="not called"):
            await SyslogTls("s", "169.254.169.254", siem.port, ca(pem)).send(entries())
        assert siem.connections == 0


# --- HTTP


@pytest.mark.parametrize("form", ["cloudevents", "otel", "ocsf", "cef", "jsonl"])
async def test_each_form_is_taken_by_a_collector_that_checks_it(tmp_path, form):
    pem, inside = certificate(tmp_path)
    sent = entries()

    async with http_collector(inside, "t0k") as siem:
        await HttpSink("h", siem.url, form, token=Secret("t0k"), tls=ca(pem), reach=LOCAL).send(sent)
        ((kind, body),) = siem.bodies

    text = body.decode()
    for entry in sent:
        assert entry.hash in text or form == "jsonl"
        assert entry.leaf.decode() in text or form in {"cloudevents", "otel", "ocsf", "cef"}
    if form == "otel":
        records = json.loads(body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        assert [r["body"]["stringValue"].encode() for r in records] == [e.leaf for e in sent]
    if form == "cloudevents":
        assert kind == "application/cloudevents-batch+json"
        assert [(e["seq"], e["data"]) for e in json.loads(body)] == [(e.seq, e.body) for e in sent]


async def test_what_the_collector_does_not_take_is_a_fault(tmp_path):
    pem, inside = certificate(tmp_path)

    async with http_collector(inside, "t0k") as siem:
        sink = HttpSink("h", siem.url, "ocsf", token=Secret("t0k"), tls=ca(pem), reach=LOCAL)
        siem.status = 503
        with pytest.raises(SinkFault, match="503"):
            await sink.send(entries())
        siem.status = 302
        with pytest.raises(SinkFault, match="302"):
            await sink.send(entries())
        siem.status = 200
        with pytest.raises(SinkFault, match="401"):
            await HttpSink("h", siem.url, "ocsf", tls=ca(pem), reach=LOCAL).send(entries())
        with pytest.raises(SinkFault, match="certificate"):
            await HttpSink("h", siem.url, "ocsf", tls=ssl.create_default_context(), reach=LOCAL).send([])
        assert siem.bodies == []
    with pytest.raises(SinkFault, match="reached"):
        await sink.send(entries())


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (b"", True),
        (b"{}", True),
        (b'{"partialSuccess":{}}', True),
        (b'{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow"}}', True),
        (b'{"partialSuccess":{"rejectedLogRecords":"3"}}', False),
        (b'{"partialSuccess":{"rejectedLogRecords":1}}', False),
    ],
)
async def test_otlp_partial_success_is_not_success(answer, taken):
    async with http_collector() as siem:
        siem.answer = answer
        sink = HttpSink("h", siem.url, "otel", reach=LOCAL)
        if taken:
            await sink.send(entries())
        else:
            with pytest.raises(SinkFault, match="some"):
                await sink.send(entries())


async def test_t34_http_sinks_do_not_reach_inwards_nor_go_in_the_clear():
    async with http_collector() as siem:
        with pytest.raises(SinkFault, match="not called"):
            await HttpSink("h", siem.url, "jsonl").send(entries())

        async def public(host: str, port: int) -> list[str]:
            return ["93.184.215.14"]

        with pytest.raises(SinkFault, match="https"):
            await HttpSink("h", "http://siem.example/in", "jsonl", resolve=public).send(entries())
        assert siem.bodies == []
