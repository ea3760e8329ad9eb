"""Tokens, format-preserving encryption and the operators."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking import Engine, MaskingError, Operator, ff1
from masking.rewriter import Rewrite, Rewriter, generalised, partial
from masking.stream import TextStream
from masking.tally import Tally
from masking.tokens import Formatted, TokenKeys, Tokens, Vault, unsealed, vault_names

OLD = ("k1", b"1" * 32)
NEW = ("k2", b"2" * 32)
TOKENS = Tokens(TokenKeys((OLD,), "k1"), "acme")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEXT = st.text(max_size=200)
KIND = st.sampled_from(["EMAIL_ADDRESS", "US_SSN", "PERSON"])


@given(KIND, TEXT)
def test_detokenize_undoes_tokenize(kind, value):
    assert TOKENS.detokenize(TOKENS.tokenize(kind, value)) == value


@given(TEXT)
def test_equal_values_have_equal_tokens_and_types_and_tenants_are_apart(value):
    other = Tokens(TokenKeys((OLD,), "k1"), "other")
    body = TOKENS.tokenize("PERSON", value).rpartition("_")[2]

    assert TOKENS.tokenize("PERSON", value).endswith(body)
    assert not TOKENS.tokenize("US_SSN", value).endswith(body)
    assert not other.tokenize("PERSON", value).endswith(body)


@given(st.text("abcdefghij", max_size=14), st.text("abcdefghij", max_size=14))
def test_short_values_have_tokens_of_one_length(a, b):
    assert len(TOKENS.tokenize("PERSON", a)) == len(TOKENS.tokenize("PERSON", b))


def test_another_tenant_cannot_open_a_token():
    token = TOKENS.tokenize("PERSON", "Ann")

    with pytest.raises(MaskingError):
        Tokens(TokenKeys((OLD,), "k1"), "other").detokenize(token)


def test_a_token_moved_to_another_type_does_not_open():
    with pytest.raises(MaskingError):
        TOKENS.detokenize(TOKENS.tokenize("PERSON", "Ann").replace("person", "us_ssn"))


@pytest.mark.parametrize("at", [20, 30, -1])
def test_an_altered_token_does_not_open(at):
    token = list(TOKENS.tokenize("PERSON", "Ann"))
    token[at] = "a" if token[at] != "a" else "b"

    with pytest.raises(MaskingError):
        TOKENS.detokenize("".join(token))


def test_after_rotation_old_tokens_open_and_new_ones_carry_the_new_key():
    rotated = Tokens(TokenKeys((OLD, NEW), "k2"), "acme")

    assert rotated.detokenize(TOKENS.tokenize("PERSON", "Ann")) == "Ann"
    assert "_k2_" in rotated.tokenize("PERSON", "Ann")
    with pytest.raises(MaskingError):
        Tokens(TokenKeys((NEW,), "k2"), "acme").detokenize(TOKENS.tokenize("PERSON", "Ann"))


def test_a_short_master_key_is_refused():
    with pytest.raises(MaskingError):
        TokenKeys((("k1", b"short"),), "k1")


def test_a_frozen_vector_so_that_tokens_survive_releases():
    assert TOKENS.tokenize("EMAIL_ADDRESS", "ann@example.org") == VECTOR


VECTOR = "tok_email_address_k1_73a2igoxkk4s2m33z7muiopz2zz6lo54rvdrfb7czcebcb7s7oimeosz5gz5ke7q44t6uv36g3dl6"


def test_a_token_in_masked_text_is_found_by_no_rule_and_opens_again():
    engine = Engine()
    masked = engine.mask_text("mail ann@example.org", Rewriter(Operator.TOKEN, tokens=TOKENS)).text

    assert engine.scan(masked) == []
    assert TOKENS.detokenize_text(masked) == "mail ann@example.org"


def _vault(entropy=os.urandom):
    shelf = []
    return Vault(TOKENS, shelf.append, entropy), shelf


def test_a_vault_token_opens_until_its_very_end_and_not_after_it():
    vault, shelf = _vault()
    token = vault.put("PERSON", "Ann", NOON)

    assert shelf[0].name == token
    assert unsealed(TOKENS, shelf[0], NOON - timedelta(microseconds=1)) == "Ann"
    with pytest.raises(MaskingError):
        unsealed(TOKENS, shelf[0], NOON)


@given(KIND, TEXT)
def test_the_vault_gives_back_what_was_put_in(kind, value):
    vault, shelf = _vault()
    token = vault.put(kind, value, NOON)

    assert unsealed(TOKENS, shelf[0], NOON - timedelta(days=1)) == value
    assert vault.put(kind, value, NOON) == token
    assert len(shelf) == 1


def test_a_vault_token_says_nothing_of_its_value_nor_does_the_record():
    vault, shelf = _vault()
    tokens = {vault.put("PERSON", value, NOON) for value in ("Annabella", "Bo", "Annabella Maria Schmidt")}

    assert len({len(token) for token in tokens}) == 1
    assert all(b"Anna" not in record.sealed for record in shelf)
    assert len(shelf[0].sealed) == len(shelf[1].sealed)


def test_equal_values_of_two_runs_have_vault_tokens_that_cannot_be_joined():
    assert _vault()[0].put("PERSON", "Ann", NOON) != _vault()[0].put("PERSON", "Ann", NOON)


@pytest.mark.parametrize("changed", ["tenant", "type", "bytes", "kid"])
def test_a_record_that_was_moved_or_altered_does_not_open(changed):
    vault, shelf = _vault()
    vault.put("PERSON", "Ann", NOON)
    record, tokens = shelf[0], TOKENS
    if changed == "tenant":
        tokens = Tokens(TokenKeys((OLD,), "k1"), "other")
    elif changed == "type":
        record = replace(record, name=record.name.replace("person", "us_ssn"))
    elif changed == "kid":
        record, tokens = (
            replace(record, name=record.name.replace("_k1_", "_k2_")),
            Tokens(TokenKeys((OLD, NEW), "k2"), "acme"),
        )
    else:
        record = replace(record, sealed=record.sealed[:-1] + bytes([record.sealed[-1] ^ 1]))

    with pytest.raises(MaskingError):
        unsealed(tokens, record, NOON - timedelta(hours=1))


def test_vault_tokens_open_after_a_rotation_as_long_as_their_key_is_there():
    vault, shelf = _vault()
    vault.put("PERSON", "Ann", NOON)
    early = NOON - timedelta(hours=1)

    assert unsealed(Tokens(TokenKeys((OLD, NEW), "k2"), "acme"), shelf[0], early) == "Ann"
    with pytest.raises(MaskingError):
        unsealed(Tokens(TokenKeys((NEW,), "k2"), "acme"), shelf[0], early)


def test_a_document_with_both_kinds_of_tokens_is_opened_whole_or_not_at_all():
    vault, shelf = _vault()
    value = {"a": TOKENS.tokenize("PERSON", "Ann"), "b": [f"x {vault.put('US_SSN', '536-90-4399', NOON)}!"]}
    kept = {r.name: unsealed(TOKENS, r, NOON - timedelta(hours=1)) for r in shelf}

    assert vault_names(value) == [shelf[0].name]
    assert TOKENS.detokenize_json(value, kept) == ({"a": "Ann", "b": ["x 536-90-4399!"]}, 2)
    with pytest.raises(MaskingError):
        TOKENS.detokenize_json(value, {})


@pytest.mark.parametrize(
    ("tweak", "radix", "plain", "cipher"),
    [
        ("", 10, "0123456789", "2433477484"),
        ("39383736353433323130", 10, "0123456789", "6124200773"),
        ("3737373770717273373737", 36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    ],
)
def test_ff1_gives_the_samples_of_nist(tweak, radix, plain, cipher):
    """NIST, SP 800-38G example values, samples 1 to 3."""
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    out = ff1.encrypt(key, bytes.fromhex(tweak), [int(c, 36) for c in plain], radix)

    assert "".join("0123456789abcdefghijklmnopqrstuvwxyz"[d] for d in out) == cipher
    assert ff1.decrypt(key, bytes.fromhex(tweak), out, radix) == [int(c, 36) for c in plain]


@settings(max_examples=50)
@given(st.text("0123456789", min_size=6, max_size=30))
def test_ff1_is_undone_and_keeps_the_form(digits):
    value = digits[:3] + "-" + digits[3:]
    sealed = ff1.encrypt_digits(b"k" * 32, b"t", value)

    assert ff1.decrypt_digits(b"k" * 32, b"t", sealed) == value
    assert len(sealed) == len(value)
    assert sealed[3] == "-"


def test_ff1_refuses_a_domain_under_a_million():
    with pytest.raises(MaskingError):
        ff1.encrypt_digits(b"k" * 32, b"", "12345")


def test_keyed_operators_without_keys_are_refused():
    with pytest.raises(MaskingError):
        Rewriter(Operator.TOKEN)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("DATE_OF_BIRTH", "12 March 1984", "1984"),
        ("AGE", "47", "40-49"),
        ("AGE", "93 years old", "90+"),
        ("IP_ADDRESS", "10.1.2.3", "10.1.2.0/24"),
        ("UK_POSTCODE", "SW1A 1AA", "SW1 ***"),
        ("US_SSN", "536-90-4399", "[US_SSN]"),
    ],
)
def test_generalise_keeps_the_class(kind, value, expected):
    assert generalised(kind, value) == expected


def test_partial_keeps_a_domain_or_four_digits_and_nothing_of_what_has_no_form():
    assert partial("EMAIL_ADDRESS", "ann@example.org") == "***@example.org"
    assert partial("CREDIT_CARD", "4111 1111 1111 1111") == "***1111"
    assert partial("PASSWORD", "hunter2") == "[PASSWORD]"


@given(TEXT)
def test_synthetic_values_are_the_same_for_the_same_value(value):
    rewriter = Rewriter(Operator.SYNTHETIC, tokens=TOKENS)

    assert rewriter.placeholder("PERSON", value) == rewriter.placeholder("PERSON", value)


LETTER = "Dear Ann Smith, born 12 March 1984, mail ann@example.org, card 4111 1111 1111 1111, host 10.1.2.3, call +1 212-555-0134."
"""One of each, in words that call for a look."""


def _written(operator, tokens=TOKENS):
    shelf = []
    how = Rewrite(operator, expires=NOON, format_preserving=True)
    return Engine().mask_text(LETTER, Rewriter(how, tokens, Vault(tokens, shelf.append, os.urandom))).text


@pytest.mark.parametrize("operator", list(Operator))
def test_a_value_is_rewritten_once_by_every_operator(operator):
    """A format-preserving number is a number again: found again, it was encrypted again, and did not open."""
    engine = Engine()
    spans = engine.scan_closed(LETTER, line_bound=False)
    how = Rewrite(operator, expires=NOON, format_preserving=True)
    calls = []

    class Counting(Rewriter):
        def placeholder(self, kind, value):
            calls.append(value)
            return super().placeholder(kind, value)

    masked = engine.mask_text(LETTER, Counting(how, TOKENS, Vault(TOKENS, lambda _: None, os.urandom))).text

    assert calls == [LETTER[s.start : s.end] for s in spans]
    assert (masked == LETTER) == (operator is Operator.KEEP)


def test_what_each_operator_writes():
    shown = {operator: _written(operator) for operator in Operator}

    assert "[PERSON_1]" in shown[Operator.PLACEHOLDER]
    assert "[PERSON]" in shown[Operator.REDACT]
    assert "***@example.org" in shown[Operator.PARTIAL]
    assert "***1111" in shown[Operator.PARTIAL]
    assert "10.1.2.0/24" in shown[Operator.GENERALISE]
    assert "born 1984," in shown[Operator.GENERALISE]
    card = re.search(r"card (\d{4} \d{4} \d{4} \d{4}),", shown[Operator.FF1])
    assert card
    assert ff1.decrypt_digits(TOKENS.format_key(), b"CREDIT_CARD", card[1]) == "4111 1111 1111 1111"
    assert re.search(r"mail user\d{8}@example\.com,", shown[Operator.SYNTHETIC])
    assert "mail mac_email_address_k1_" in shown[Operator.HMAC]
    assert "mail vlt_email_address_k1_" in shown[Operator.VAULT]


@pytest.mark.parametrize(
    "operator", [Operator.PLACEHOLDER, Operator.REDACT, Operator.TOKEN, Operator.HMAC, Operator.VAULT]
)
def test_what_is_written_in_words_of_ours_scans_clean(operator):
    assert Engine().scan(_written(operator)) == []


@given(TEXT)
def test_one_way_and_invented_values_are_equal_for_equal_values_and_another_after_a_rotation(value):
    after = Tokens(TokenKeys((OLD, NEW), "k2"), "acme")

    assert TOKENS.mac("PERSON", value) == TOKENS.mac("PERSON", value)
    assert TOKENS.mac("PERSON", value) != TOKENS.mac("US_SSN", value)
    assert TOKENS.mac("PERSON", value) != Tokens(TokenKeys((OLD,), "k1"), "other").mac("PERSON", value)
    assert TOKENS.digest("PERSON", value) != after.digest("PERSON", value)
    assert TOKENS.format_key() != after.format_key()


def test_each_type_has_its_own_operator():
    how = Rewrite(Operator.REDACT, (("CREDIT_CARD", Operator.PARTIAL), ("PERSON", Operator.KEEP)))

    masked = Engine().mask_text(LETTER, Rewriter(how)).text

    assert masked.startswith("Dear Ann Smith, born [DATE_OF_BIRTH], mail [EMAIL_ADDRESS], card ***1111,")


def test_ff1_is_refused_until_it_is_allowed_and_a_vault_needs_an_end():
    with pytest.raises(MaskingError, match="format_preserving"):
        Rewriter(Rewrite(Operator.FF1), TOKENS)
    with pytest.raises(MaskingError, match="vault"):
        Rewriter(Rewrite(Operator.VAULT), TOKENS)
    with pytest.raises(MaskingError, match="vault"):
        Rewriter(Rewrite(Operator.VAULT, expires=None), TOKENS, _vault()[0])


@pytest.mark.parametrize("value", ["12345", "A123456", "1" * 57])
def test_ff1_redacts_what_has_too_small_or_too_large_a_domain(value):
    assert Rewriter(Operator.FF1, TOKENS).placeholder("US_PASSPORT", value) == "[US_PASSPORT]"


def test_what_ff1_wrote_opens_under_its_type_and_key_and_under_no_other():
    made = Rewriter(Operator.FF1, TOKENS).placeholder("CREDIT_CARD", "4111 1111 1111 1111")
    after = Tokens(TokenKeys((OLD, NEW), "k2"), "acme")

    assert TOKENS.open_formatted(made, Formatted("CREDIT_CARD")) == "4111 1111 1111 1111"
    assert after.open_formatted(made, Formatted("CREDIT_CARD", "k1")) == "4111 1111 1111 1111"
    assert after.open_formatted_json({"a": [made, 7]}, Formatted("CREDIT_CARD", "k1")) == (
        {"a": ["4111 1111 1111 1111", 7]},
        1,
    )
    for other in (Formatted("CREDIT_CARD"), Formatted("PHONE_NUMBER", "k1")):
        assert after.open_formatted(made, other) != "4111 1111 1111 1111"


@pytest.mark.parametrize("value", ["12345", "A123456", "1" * 57, "", "tok_us_ssn_k1_aaaaaaaaaaaaaaaa"])
def test_what_ff1_cannot_have_written_does_not_open(value):
    with pytest.raises(MaskingError):
        TOKENS.open_formatted(value, Formatted("CREDIT_CARD"))


def test_under_a_key_that_is_not_here_nothing_opens():
    with pytest.raises(MaskingError):
        TOKENS.open_formatted("4111 1111", Formatted("CREDIT_CARD", "k9"))


def test_a_stream_is_rewritten_once_as_well():
    tally, text = Tally(), f"{LETTER}\n" * 3
    stream = TextStream(Engine(), Rewriter(Operator.FF1, TOKENS), tally)

    masked = "".join(stream.feed(text[i : i + 50]) for i in range(0, len(text), 50)) + stream.close()

    assert masked == Engine().mask_text(text, Rewriter(Operator.FF1, TOKENS)).text
    cards = re.findall(r"card (\d{4} \d{4} \d{4} \d{4}),", masked)
    assert [ff1.decrypt_digits(TOKENS.format_key(), b"CREDIT_CARD", c) for c in cards] == [
        "4111 1111 1111 1111"
    ] * 3
