"""RFC 3161: a time-stamping authority says when a head existed.

Protects against backdating after the log's key is stolen. Each token lies beside the note it
covers and goes into the bundle's ``tsr/``. The answer is verified before it is kept; an
authority that answers wrongly is a fault and is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp
from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm

from audit.checkpoint import parse_checkpoint, split_note
from bot import outgoing
from bot.errors import OutsideFault
from bot.outgoing import NotAllowed, Reach, Resolve

ANSWER_BYTES_MAX: Final = 65_536
TIMEOUT_SECONDS: Final = 15
"""Inside the outbox's limit for one sending, so that the fault is told and not only that time was up."""

Ask = Callable[[bytes], Awaitable[bytes]]


class TimestampFault(OutsideFault):
    """The authority did not answer, refused, or its token does not cover the head."""


class Timestamps:
    """``Anchor`` over a time-stamping authority. *ask* posts a query and returns the answer's bytes."""

    name = "rfc3161"

    def __init__(self, ask: Ask, directory: Path, roots: Sequence[x509.Certificate]) -> None:
        self._ask = ask
        self._directory = directory
        self._roots = roots

    async def remember(self, checkpoint: str) -> None:
        """Have *checkpoint* stamped and keep token and note; once per size."""
        size = parse_checkpoint(split_note(checkpoint)[0]).size
        if (self._directory / f"{size}.tsr").exists():
            if (
                split_note((self._directory / f"{size}.note").read_text("utf-8"))[0]
                != split_note(checkpoint)[0]
            ):
                raise TimestampFault(
                    f"another head of {size} entries was stamped before a restore; the next one will be"
                )
            return
        query = (
            TimestampRequestBuilder()
            .data(checkpoint.encode())
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = await self._ask(query.as_bytes())
        try:
            response = decode_timestamp_response(answer)
            builder = VerifierBuilder.from_request(query)
            for root in self._roots:
                builder = builder.add_root_certificate(root)
            builder.build().verify_message(response, checkpoint.encode())
        except (ValueError, VerificationError) as e:
            raise TimestampFault(
                "the time-stamping authority's answer does not cover the head, or is not under the configured root"
            ) from e
        await asyncio.to_thread(self._keep, size, checkpoint, answer)

    async def recall(self) -> str | None:
        """The newest stamped head."""
        sizes = [int(p.stem) for p in self._directory.glob("*.tsr")]
        return (self._directory / f"{max(sizes)}.note").read_text(encoding="utf-8") if sizes else None

    def files(self) -> dict[str, bytes]:
        """Tokens by file name, for the bundle."""
        return {p.name: p.read_bytes() for p in sorted(self._directory.glob("*.tsr"))}

    def _keep(self, size: int, checkpoint: str, answer: bytes) -> None:
        # The note first: a token without its note would count as kept and could not be shown.
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / f"{size}.note").write_text(checkpoint, encoding="utf-8")
        (self._directory / f"{size}.tsr").write_bytes(answer)


def ask_over_http(url: str, reach: Reach = Reach(), resolve: Resolve | None = None) -> Ask:
    """RFC 3161 section 3.4: the query in a POST, the answer in its body. Clear http may be asked: the answer is signed and carries
    our nonce."""

    async def ask(query: bytes) -> bytes:
        try:
            answer = await outgoing.call(
                "POST",
                url,
                body=query,
                headers={"Content-Type": "application/timestamp-query"},
                reach=replace(reach, clear=True),
                seconds=TIMEOUT_SECONDS,
                body_max=ANSWER_BYTES_MAX + 1,
                resolve=resolve,
            )
        except NotAllowed as e:
            raise TimestampFault(f"the time-stamping authority is not called: {e}") from e
        except (aiohttp.ClientError, OSError, TimeoutError) as e:
            raise TimestampFault("the time-stamping authority cannot be reached") from e
        if answer.status != 200:
            raise TimestampFault(f"the time-stamping authority answered {answer.status}")
        if len(answer.body) > ANSWER_BYTES_MAX:
            raise TimestampFault("the time-stamping authority's answer is too large")
        return answer.body

    return ask
