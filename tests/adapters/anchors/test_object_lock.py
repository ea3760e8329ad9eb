"""Heads in a bucket with Object Lock: signed as S3 asks, written once, recalled newest first."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.anchors.objectlock import Bucket, ObjectLock, ObjectLockFault, sign
from audit.checkpoint import Checkpoint, sign_note
from audit.reader import Reader
from bot.outgoing import Reach
from bot.secret import Secret
from tests.audit.logs import ORIGIN, filled, signer
from tests.support.fake_s3 import fake_s3, signature

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
LOCAL = Reach(frozenset({"127.0.0.1"}))
YEAR = timedelta(days=365)

# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, its examples GET Object and PUT Object
EXAMPLE = Bucket(
    "https://examplebucket.s3.amazonaws.com",
    "us-east-1",
    "examplebucket",
    "AKIAIOSFODNN7EXAMPLE",
    Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
)
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        (
            "GET", "/test.txt", {"range": "bytes=0-9"}, b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT", "/test$file.text", {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
    ],
)  # fmt: skip
def test_the_published_examples_of_the_signature(method, path, headers, body, expected):
    signed = sign(method, HOST, path, {}, headers, body, EXAMPLE, AT)

    assert signed["authorization"].endswith(f"Signature={expected}")
    given = {name: value for name, value in signed.items() if name != "authorization"}
    digest = sha256(body).hexdigest()
    raw = path.replace("$", "%24")
    assert signature(method, raw, "", given, digest, "20130524T000000Z", "us-east-1", EXAMPLE.secret.reveal()) == expected  # fmt: skip


def bucket_at(url: str, secret: str = "s3cr3t", name: str = "heads") -> Bucket:
    return Bucket(url, "eu-test-1", name, "AKTEST", Secret(secret), "signoff/")


async def test_a_head_is_locked_written_once_and_the_largest_is_recalled():
    notes = dict(Reader(filled()).notes())
    async with fake_s3(NOW) as s3:
        anchor = ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW, LOCAL)
        assert await anchor.recall() is None

        for size in (8, 24, 16, 24):
            await anchor.remember(notes[size])

        assert await anchor.recall() == notes[24]
        assert sorted(body.decode() for body, _ in s3.objects.values()) == sorted(notes.values())
        assert {until for _, until in s3.objects.values()} == {NOW + YEAR}


async def test_another_head_of_the_same_size_does_not_overwrite():
    notes = dict(Reader(filled()).notes())
    forked = sign_note(Checkpoint(ORIGIN, 24, b"f" * 32).text, [signer()])
    async with fake_s3(NOW) as s3:
        anchor = ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW, LOCAL)
        await anchor.remember(notes[24])

        await anchor.remember(forked)

        assert {body.decode() for body, _ in s3.objects.values()} == {notes[24], forked}


async def test_what_the_bucket_does_not_take_is_a_fault():
    note = Reader(filled()).latest_note()[1]
    async with fake_s3(NOW) as s3:
        s3.has_lock = False
        with pytest.raises(ObjectLockFault, match="400"):
            await ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW, LOCAL).remember(note)
        s3.has_lock = True
        with pytest.raises(ObjectLockFault, match="403"):
            await ObjectLock(bucket_at(s3.url, "other"), YEAR, lambda: NOW, LOCAL).remember(note)
        with pytest.raises(ObjectLockFault, match="403"):
            await ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW - timedelta(hours=1), LOCAL).recall()
        with pytest.raises(ObjectLockFault, match="404"):
            await ObjectLock(bucket_at(s3.url, name="nowhere"), YEAR, lambda: NOW, LOCAL).remember(note)
        with pytest.raises(ObjectLockFault, match="not called"):
            await ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW).remember(note)
        s3.is_down = True
        with pytest.raises(ObjectLockFault, match="503"):
            await ObjectLock(bucket_at(s3.url), YEAR, lambda: NOW, LOCAL).recall()
        assert s3.objects == {}
        url = s3.url
    with pytest.raises(ObjectLockFault, match="reached"):
        await ObjectLock(bucket_at(url), YEAR, lambda: NOW, LOCAL).remember(note)


# --- an S3 that is not ours: moto's server, in an environment of its own (SIGNOFF_MOTO_PYTHON)

MOTO = os.environ.get("SIGNOFF_MOTO_PYTHON", "")
SERVER = """
import sys, boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
s3 = boto3.client("s3", endpoint_url=url, region_name="eu-test-1", aws_access_key_id="AKTEST", aws_secret_access_key="s3cr3t")
where = {"LocationConstraint": "eu-test-1"}
s3.create_bucket(Bucket="heads", ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
print(url, flush=True)
for line in sys.stdin:
    key = line.strip()
    kept = s3.head_object(Bucket="heads", Key=key)
    version = s3.list_object_versions(Bucket="heads", Prefix=key)["Versions"][0]["VersionId"]
    try:
        s3.delete_object(Bucket="heads", Key=key, VersionId=version)
        deleted = "deleted"
    except s3.exceptions.ClientError as e:
        deleted = e.response["Error"]["Code"]
    print(kept["ObjectLockMode"], kept["ObjectLockRetainUntilDate"].date(), deleted, flush=True)
server.stop()
"""


@pytest.mark.interop
@pytest.mark.skipif(not Path(MOTO).is_file(), reason="SIGNOFF_MOTO_PYTHON names no Python that has moto")
async def test_moto_takes_our_heads_and_keeps_them_from_being_deleted():
    def now() -> datetime:
        return datetime.now(UTC)

    notes = dict(Reader(filled()).notes())
    with subprocess.Popen(
        [MOTO, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=sys.stderr
    ) as moto:
        assert moto.stdin is not None
        assert moto.stdout is not None
        url = next(line.strip() for line in moto.stdout if line.startswith("http://"))
        anchor = ObjectLock(bucket_at(url), YEAR, now, LOCAL)
        assert await anchor.recall() is None

        for size in (8, 24, 16, 24):
            await anchor.remember(notes[size])

        assert await anchor.recall() == notes[24]
        root = Reader(filled()).root_at(24).hex()[:16]
        moto.stdin.write(f"signoff/heads/{10**19 - 25:019d}-24-{root}\n")
        moto.stdin.flush()
        mode, _, deleted = moto.stdout.readline().split()
        assert (mode, deleted) == ("COMPLIANCE", "AccessDenied")
        moto.stdin.close()
