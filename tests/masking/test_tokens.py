"""Tokens, format-preserving encryption and the operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masking import Engine, MaskingError, Operator, ff1
from masking.rewriter import Rewriter, generalised, partial
from masking.tokens import TokenKeys, Tokens, Vault

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


class Shelf:
    def __init__(self):
        self.rows = {}

    def put(self, name, sealed, expires):
        assert name not in self.rows
        self.rows[name] = (sealed, expires)

    def get(self, name):
        return self.rows.get(name)

    def erase(self, name):
        self.rows.pop(name, None)


def _vault():
    shelf = Shelf()
    count = iter(range(1, 1000))
    return Vault(TOKENS, shelf, lambda n: next(count).to_bytes(n, "big")), shelf


def test_a_vault_token_opens_until_its_very_end_and_not_after_it():
    vault, _ = _vault()
    token = vault.put("PERSON", "Ann", NOON)

    assert vault.get(token, NOON - timedelta(microseconds=1)) == "Ann"
    with pytest.raises(MaskingError):
        vault.get(token, NOON)


def test_an_erased_vault_token_is_gone_and_the_shelf_never_held_the_value():
    vault, shelf = _vault()
    token = vault.put("PERSON", "Annabella", NOON)
    assert b"Annabella" not in shelf.rows[token][0]

    vault.erase(token)

    with pytest.raises(MaskingError):
        vault.get(token, NOON - timedelta(hours=1))


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
