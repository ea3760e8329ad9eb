"""The two passes over a view: literals and digit runs, each candidate confirmed, validated, weighed."""

from __future__ import annotations

from masking.compiled import Compiled, Rule
from masking.context import Words, moved
from masking.resolve import (
    CERTAIN,
    RANK_CERTAIN,
    RANK_KEY,
    RANK_PATTERN,
    RANK_STRUCTURE,
    SECRETS,
    STRUCTURE,
)
from masking.runs import Groups
from masking.spans import Span
from masking.view import View

Candidates = list[tuple[int, Span]]


Places = dict[int, list[int]]
"""The number of a text rule, and where its literals stand."""


def scan_literals(
    rules: Compiled, view: View, found: Candidates, threshold: float, line_bound: bool
) -> Places:
    places: Places = {}
    hits = rules.automaton.find_matches_as_indexes(view.low, overlapping=True)
    if not hits:
        return places
    text = view.folded
    n = len(text)
    done: dict[Rule, int] = {}
    for literal, start, end in hits:
        for number, capital in rules.said[literal]:
            if capital and text[start] == chr(view.low[start]):
                continue
            if not start or not (text[start - 1].isalnum() or text[start - 1] == "_"):
                places.setdefault(number, []).append(start)
        for rule in rules.by_literal[literal]:
            # A match found from an earlier literal already covers this one.
            if done.get(rule, -1) > start:
                continue
            low = start - rule.before
            high = end + rule.after
            search = rule.search
            if search is None:
                continue
            pos = max(0, low)
            limit = min(n, high)
            try:
                match = search(text, pos, limit)
                while match is not None and match.end() <= start:
                    match = search(text, max(match.end(), match.start() + 1), limit)
            except TimeoutError:
                found.append(
                    (
                        RANK_CERTAIN,
                        Span(pos, limit, rule.type, 0.99, rule.name, "timeout: the window is masked"),
                    )
                )
                continue
            if match is None:
                continue
            s, e = match.span(rule.group)
            if s < 0 or s == e:
                continue
            done[rule] = e
            weigh(rule, view, s, e, rule.score, None, found, threshold, line_bound)
    return places


def scan_runs(rules: Compiled, view: View, found: Candidates, threshold: float, line_bound: bool) -> None:
    text = view.folded
    before: tuple[int, Groups[Rule]] = (0, ())
    reached = 0
    for offset, groups in rules.index.runs(view.shape):
        words: Words | None = None
        # A run that was cut is taken up again in its middle: what stands there was weighed already.
        done = _places(*before) if offset < reached else frozenset()
        before = offset, groups
        for rule, spots in groups:
            if words is None and rule.worded:
                words = Words(text, offset + spots[0][0], offset + spots[0][1], line_bound)
            # Most kinds of numbers are nothing without a word; one look settles all their places in the run.
            if rule.needs_words and threshold > 0 and (words is None or not rule.context.count(words)):
                continue
            for start, end, score in spots:
                s, e = offset + start, offset + end
                if done and (rule, s, e) in done:
                    continue
                reached = max(reached, e)
                if rule.search is not None:
                    try:
                        match = rule.search(text, s, e)
                    except TimeoutError:
                        found.append(
                            (RANK_CERTAIN, Span(s, e, rule.type, 0.99, rule.name, "timeout: masked"))
                        )
                        continue
                    if match is None:
                        continue
                    s, e = match.span(rule.group)
                weigh(rule, view, s, e, score, words, found, threshold, line_bound)


def _places(offset: int, groups: Groups[Rule]) -> frozenset[tuple[Rule, int, int]]:
    return frozenset(
        (rule, offset + start, offset + end) for rule, spots in groups for start, end, _ in spots
    )


def weigh(
    rule: Rule,
    view: View,
    s: int,
    e: int,
    score: float,
    words: Words | None,
    found: Candidates,
    threshold: float,
    line_bound: bool,
) -> Words | None:
    """Add the candidate to *found* when it is likely enough. Hands back the words, so that they are read once."""
    context, anti = rule.context, rule.anti
    support = contrary = 0
    validator = rule.validator
    # The dearest question last: without context many candidates cannot reach the threshold.
    best = max(score, rule.validated_score) if validator is not None else score
    if rule.worded:
        if words is None:
            words = Words(view.folded, s, e, line_bound)
        support = context.count(words) if context else 0
        contrary = anti.count(words) if anti else 0
    if not support and (rule.context_required or best < threshold):
        if threshold > 0:
            return words
        score = min(score, 0.01)
    reason = "form"
    if validator is not None:
        verdict = validator(view.folded[s:e])
        if verdict is False:
            return words
        if verdict:
            score, reason = max(score, rule.validated_score), "check digit"
    if support or contrary:
        score = moved(score, support, contrary)
        reason += ", words for it" if support else ""
        reason += ", words against it" if contrary else ""
    if score >= threshold:
        rank = (
            RANK_CERTAIN
            if score >= CERTAIN and (validator is not None or rule.score >= CERTAIN)
            else RANK_PATTERN
        )
        if rule.score >= STRUCTURE:
            rank = RANK_STRUCTURE
        elif rule.type in SECRETS:
            rank = max(rank, RANK_KEY)
        found.append((rank, Span(s, e, rule.type, score, rule.name, reason)))
    return words
