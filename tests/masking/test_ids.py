"""National ids: every recognizer's own examples through the engine, and every check digit against python-stdnum."""

from __future__ import annotations

import importlib
import random
import time

import pytest

from masking import Engine, checks
from masking.detect import (
    ids_africa_middle_east,
    ids_americas,
    ids_asia,
    ids_common,
    ids_eu_east_south,
    ids_eu_north,
    ids_eu_south_west,
    ids_eu_west,
    ids_oceania,
    ids_south_asia,
    ids_uk_ie,
    ids_us,
)

MODULES = (
    ids_us, ids_uk_ie, ids_eu_west, ids_eu_south_west, ids_eu_north, ids_eu_east_south,
    ids_asia, ids_south_asia, ids_americas, ids_oceania, ids_africa_middle_east,
)  # fmt: skip
RECOGNIZERS = [r for module in MODULES for r in module.RECOGNIZERS]
ENGINE = Engine()
DIGITS = "0123456789"


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda r: r.name)
def test_a_recognizer_finds_its_positives_once_and_not_its_negatives(recognizer):
    for text in recognizer.positive:
        assert [s.type for s in ENGINE.scan(text) if s.type == recognizer.type] == [recognizer.type], text
    for text in recognizer.negative:
        assert [s for s in ENGINE.scan(text) if s.type == recognizer.type] == [], text


def test_names_are_unique_and_every_row_has_a_source_and_an_example():
    assert len({r.name for r in RECOGNIZERS}) == len(RECOGNIZERS)
    assert all(r.source and r.positive and r.context for r in RECOGNIZERS)


def test_the_standard_types_are_all_there():
    types = {r.type for r in RECOGNIZERS}
    wanted = [
        "US_SSN",
        "US_ITIN",
        "US_EIN",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "US_BANK_NUMBER",
        "US_MBI",
        "UK_NHS",
        "UK_NINO",
        "UK_UTR",
        "UK_POSTCODE",
        "UK_PASSPORT",
        "UK_DRIVING_LICENCE",
        "UK_VEHICLE_REGISTRATION",
        "CA_SIN",
        "AU_TFN",
        "AU_ABN",
        "AU_ACN",
        "AU_MEDICARE",
        "NZ_IRD",
        "DE_TAX_ID",
        "DE_ID_CARD",
        "DE_SOCIAL_SECURITY",
        "DE_VAT_ID",
        "DE_PASSPORT",
        "FR_NIR",
        "ES_NIF",
        "ES_NIE",
        "IT_FISCAL_CODE",
        "IT_VAT_CODE",
        "IT_IDENTITY_CARD",
        "IT_DRIVER_LICENSE",
        "NL_BSN",
        "BE_NATIONAL_NUMBER",
        "PT_NIF",
        "PL_PESEL",
        "SE_PERSONNUMMER",
        "NO_FODSELSNUMMER",
        "DK_CPR_NUMBER",
        "FI_PERSONAL_IDENTITY_CODE",
        "CH_AHV",
        "AT_SVNR",
        "IE_PPS",
        "CZ_BIRTH_NUMBER",
        "RO_CNP",
        "BG_EGN",
        "GR_AMKA",
        "TR_NATIONAL_ID",
        "IN_AADHAAR",
        "IN_PAN",
        "IN_GSTIN",
        "IN_VOTER",
        "IN_PASSPORT",
        "IN_VEHICLE_REGISTRATION",
        "IN_UPI_ID",
        "SG_NRIC_FIN",
        "SG_UEN",
        "JP_MY_NUMBER",
        "KR_RRN",
        "KR_BRN",
        "KR_DRIVER_LICENSE",
        "KR_PASSPORT",
        "CN_RESIDENT_ID",
        "HK_ID",
        "TW_NATIONAL_ID",
        "TH_TNIN",
        "PH_TIN",
        "PH_UMID",
        "ID_NIK",
        "MY_NRIC",
        "BR_CPF",
        "BR_CNPJ",
        "MX_CURP",
        "MX_RFC",
        "AR_CUIT",
        "CL_RUT",
        "CO_NIT",
        "ZA_ID_NUMBER",
        "NG_NIN",
        "IL_ID_NUMBER",
        "AE_EMIRATES_ID",
    ]

    assert sorted(set(wanted) - types) == []


PEERS = [
    # ours, the independent module, length, first characters to force (so that enough are valid)
    (ids_uk_ie.nhs, "gb.nhs", 10, ""),
    (ids_uk_ie.utr, "gb.utr", 10, ""),
    (ids_eu_west.de_tax_id, "de.idnr", 11, ""),
    (ids_eu_west.at_svnr, "at.vnr", 10, ""),
    (ids_eu_west.ch_ahv, "ch.ssn", 13, "756"),
    (ids_eu_south_west.es_nif, "es.dni", 9, ""),
    (ids_eu_south_west.es_cif, "es.cif", 9, "A"),
    (ids_eu_south_west.it_vat, "it.iva", 11, ""),
    (ids_eu_south_west.pt_nif, "pt.nif", 9, ""),
    (ids_eu_south_west.be_national, "be.nn", 11, "850730"),
    (ids_eu_south_west.nl_bsn, "nl.bsn", 9, ""),
    (ids_eu_south_west.fr_nir, "fr.nir", 15, "180017500"),
    (ids_eu_south_west.fr_spi, "fr.nif", 13, "0701987765"),
    (ids_eu_north.no_fnr, "no.fodselsnummer", 11, "150777"),
    (ids_eu_north.no_orgnr, "no.orgnr", 9, "9"),
    (ids_eu_north.is_kennitala, "is_.kennitala", 10, "450401"),
    (ids_eu_north.baltic, "ee.ik", 11, "376050"),
    (ids_eu_north.baltic, "lt.asmens", 11, "333091"),
    (ids_eu_north.lv_pk, "lv.pvn", 11, "161175"),
    (ids_eu_north.se_company, "se.orgnr", 10, "55"),
    (ids_eu_east_south.pl_pesel, "pl.pesel", 11, "440514"),
    (ids_eu_east_south.pl_nip, "pl.nip", 10, "8"),
    (ids_eu_east_south.cz_birth_number, "cz.rc", 10, "710319"),
    (ids_eu_east_south.ro_cnp, "ro.cnp", 13, "163061512"),
    (ids_eu_east_south.bg_egn, "bg.egn", 10, "752316"),
    (ids_eu_east_south.gr_amka, "gr.amka", 11, "010113"),
    (ids_eu_east_south.gr_afm, "gr.vat", 9, "0"),
    (ids_eu_east_south.tr_national_id, "tr.tckimlik", 11, ""),
    (ids_eu_east_south.hr_oib, "hr.oib", 11, ""),
    (ids_eu_east_south.jmbg, "si.emso", 13, "010100650"),
    (ids_eu_east_south.ua_rntrc, "ua.rntrc", 10, "1"),
    (ids_eu_east_south.ru_inn, "ru.inn", 12, "50"),
    (ids_asia.jp_my_number, "jp.in_", 12, ""),
    (ids_asia.kr_brn, "kr.brn", 10, "123"),
    (ids_asia.th_tnin, "th.pin", 13, "1"),
    (ids_asia.cn_id, "cn.ric", 18, "11010519491231"),
    (ids_south_asia.aadhaar, "in_.aadhaar", 12, "2"),
    (ids_americas.ca_sin, "ca.sin", 9, "1"),
    (ids_americas.br_cpf, "br.cpf", 11, ""),
    (ids_americas.br_cnpj, "br.cnpj", 14, ""),
    (ids_americas.ar_cuit, "ar.cuit", 11, "20"),
    (ids_americas.cl_rut, "cl.rut", 9, ""),
    (ids_americas.co_nit, "co.nit", 10, ""),
    (ids_americas.ec_cedula, "ec.ci", 10, "17"),
    (ids_americas.pe_ruc, "pe.ruc", 11, "20"),
    (ids_africa_middle_east.za_id, "za.idnr", 13, "750330"),
    (ids_africa_middle_east.il_id, "il.idnr", 9, "0"),
    (ids_oceania.au_abn, "au.abn", 11, ""),
    (ids_oceania.au_acn, "au.acn", 9, ""),
    (ids_oceania.au_tfn, "au.tfn", 9, ""),
    (ids_oceania.nz_ird, "nz.ird", 9, "1"),
]


WIDER = {"be.nn", "no.fodselsnummer", "is_.kennitala", "za.idnr", "nz.ird", "lv.pvn"}
"""Theirs read the clock, or know ranges that move with the years: what they take we take."""
NARROWER = {"de.idnr", "at.vnr", "pt.nif", "lv.pvn", "se.orgnr", "kr.brn"}
"""Ours also refuse a first digit, a run or a date that theirs let pass: what we take they take."""


@pytest.mark.parametrize(("check", "peer", "length", "start"), PEERS, ids=[p[1] for p in PEERS])
def test_a_check_agrees_with_an_independent_one(check, peer, length, start):
    module = importlib.import_module(f"stdnum.{peer}")
    rng = random.Random(length)
    last = {"es.dni": "TRWAGMYFPDXBNJZSQVHLCKE", "cl.rut": DIGITS + "K", "cn.ric": DIGITS + "X"}.get(
        peer, DIGITS
    )
    valid = 0

    for _ in range(700):
        body = start + "".join(rng.choice(DIGITS) for _ in range(length - len(start) - 1))
        for tail in last:
            number = body + tail
            if checks.one_repeated(number[:-1]) or int(number[:7].strip("ABKX") or 1) == 0:
                continue
            ours = check(number)
            theirs = module.is_valid(number)
            assert ours or not theirs or peer in NARROWER, number
            assert theirs or not ours or peer in WIDER, number
            valid += ours and theirs

    assert valid > 0


SEES_ONE_WRONG_DIGIT = [p for p in PEERS if p[1] in {
    "gb.nhs", "de.idnr", "ch.ssn", "es.dni", "it.iva", "be.nn", "nl.bsn", "no.orgnr", "in_.aadhaar", "ca.sin",
    "za.idnr", "il.idnr", "au.tfn", "au.abn", "hr.oib", "ec.ci", "gr.amka", "cn.ric", "tr.tckimlik",
}]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "peer", "length", "start"), SEES_ONE_WRONG_DIGIT, ids=[p[1] for p in SEES_ONE_WRONG_DIGIT]
)
def test_a_single_wrong_digit_is_refused_where_the_scheme_promises_it(check, peer, length, start):
    rng = random.Random(length + 1)
    last = "TRWAGMYFPDXBNJZSQVHLCKE" if peer == "es.dni" else DIGITS
    seen = 0

    for _ in range(400):
        body = start + "".join(rng.choice(DIGITS) for _ in range(length - len(start) - 1))
        for number in (body + tail for tail in last if check(body + tail)):
            seen += 1
            for place in range(length - (peer == "es.dni")):
                for other in DIGITS:
                    if other != number[place]:
                        assert not check(number[:place] + other + number[place + 1 :]), number

    assert seen > 5


@pytest.mark.parametrize(
    ("template", "check", "alphabet", "peer"),
    [
        ("X#######?", ids_eu_south_west.es_nie, "TRWAGMYFPDXBNJZSQVHLCKE", "es.nie"),
        (
            "RSSMRA8#A01H5##?",
            ids_eu_south_west.it_fiscal_code,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "it.codicefiscale",
        ),
        ("#######?", ids_uk_ie.pps, "WABCDEFGHIJKLMNOPQRSTUV", "ie.pps"),
        ("ABC#?####", ids_eu_east_south.pl_id_card, DIGITS, None),
        ("20########?", ids_eu_west.luhn, DIGITS, None),
        ("BOXW3108##HNERXN0?", ids_americas.mx_curp, DIGITS, "mx.curp"),
        ("GODE5612##GR?", ids_americas.mx_rfc, DIGITS + "A", "mx.rfc"),
        ("27AAPFU0###F1Z?", ids_south_asia.gstin, checks.ALPHANUMERIC, "in_.gstin"),
        ("T##RF####?", ids_asia.sg_uen, "ABCDEFGHJKLMNPQRSTUVWX0123456789", "sg.uen"),
        ("2001#####?", ids_asia.sg_uen, "ZKCMDNERGWH", "sg.uen"),
        ("########?", ids_asia.sg_uen, "XMKECAWLJDB", "sg.uen"),
    ],
)
def test_a_form_with_letters_agrees_with_an_independent_check(template, check, alphabet, peer):
    rng = random.Random(5)
    module = importlib.import_module(f"stdnum.{peer}") if peer else None
    valid = 0

    for _ in range(120):
        body = "".join(rng.choice(DIGITS) if char == "#" else char for char in template)
        for char in alphabet:
            number = body.replace("?", char)
            ours = check(number)
            valid += ours
            if peer == "mx.rfc":
                assert ours == module.is_valid(number, validate_check_digits=True), number
            elif module is not None and number[1:3] <= "26":  # theirs knows the year
                assert ours == module.is_valid(number), number

    assert valid > 20


def test_a_hetu_agrees_with_an_independent_check():
    hetu = importlib.import_module("stdnum.fi.hetu")
    rng = random.Random(3)

    for _ in range(3000):
        number = f"{rng.randint(1, 31):02d}{rng.randint(1, 12):02d}{rng.randint(0, 99):02d}{rng.choice('+-A')}{rng.randint(2, 899):03d}{rng.choice(ids_eu_north._HETU)}"
        # A day of either century passes ours; theirs knows the century.
        if hetu.is_valid(number):
            assert ids_eu_north.fi_hetu(number)
        elif ids_eu_north.fi_hetu(number):
            assert number.startswith("2902")


@pytest.mark.parametrize(
    "text",
    [
        "commit 9c1185a5c5e9fc54612808977ee8f548b2258d31 merged",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "2026-11-23 21:01:46,123 INFO took 1700000000123 ns pid=12345",
        "version 10.15.7 build 20240115103000",
        "0x7ffee4b2a8c0 0xdeadbeef 00 1f 2e 3d",
        "total 1 234 567 890 EUR in 12 345 items",
        "offset 123456789012345678 of 4294967296 bytes",
        "INTRODUCTORY C4 S3 B2B H2O 3D",
        "1.2.3-rc4 2.0.0.1234",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_logs_hashes_versions_and_times_are_no_national_ids(text):
    mine = {r.name for r in RECOGNIZERS}

    assert [s for s in ENGINE.scan(text) if s.rule in mine] == []


def test_a_form_whose_groups_begin_with_letters_is_registered_and_confirmed():
    forms = [
        ("us/mbi", "1EG4-TE5-MK73", "0AA0-AA0-AA00"),
        (
            "de/social-security",
            checks.completed("15 070649 C 10?", ids_eu_west.de_social_security),
            "00 000000 A 000",
        ),
        ("tr/plate", "34 ABC 123", "00 AAA 000"),
        ("in/vehicle", "DL 03 AB 1234", "AA 00 AA 0000"),
    ]

    for name, text, shape in forms:
        recognizer = next(r for r in RECOGNIZERS if r.name == name)
        assert shape in recognizer.patterns[0].anchor.shapes
        assert recognizer.validator is None or recognizer.validator(text) is not False


def test_an_example_spoiled_is_refused_by_its_own_rule():
    assert ids_common.spoiled("401 023 2137", ids_common.holds(ids_uk_ie.nhs))[0] != "401 023 2137"
    assert ids_common.spoiled("1", lambda _: None) == ()


@pytest.mark.parametrize(
    "unit", ["123456789 ", "000-00-0000 ", "AB123456C ", "12345678901234567890", "A1B2C3 ", "1.1.1.", "@ybl"]
)
def test_hostile_digits_take_linear_time(unit):
    def seconds(n: int) -> float:
        text = (unit * n)[:n]
        started = time.process_time()
        ENGINE.scan(text)
        return time.process_time() - started

    seconds(2_000)
    small = min(seconds(20_000) for _ in range(2))
    # Twice: a collection of garbage that other tests left may fall into one of them.
    large = min(seconds(80_000) for _ in range(2))

    assert large < 8 * small + 0.2
