"""What a key says about its value. Some keys decide alone: whatever stands under ``password`` is hidden.

Keys are compared without case, separators and camelCase (``date_of_birth`` = ``DateOfBirth``). A key ends with a
listed name at a word border, so that ``customer_email`` counts as ``email``, but ``public`` never as ``lic``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from masking.context import _WORD

_LISTED: Final[dict[str, str]] = {
    "PASSWORD": "password passwd pwd pw passphrase passcode pass user_password db_password senha contraseña mot_de_passe kennwort passwort",
    "SECRET": "secret client_secret api_key apikey api_token access_token refresh_token auth_token bearer_token id_token session_token "
    "private_key secret_key access_key secret_access_key signing_key encryption_key webhook_secret authorization auth_key api_secret "
    "session_id sessionid csrf_token otp totp_secret pin_code security_answer credential credentials cookie set_cookie",
    "US_SSN": "ssn social_security_number social_security socialsecuritynumber social_security_no ssn_number",
    "CREDIT_CARD": "credit_card credit_card_number card_number cardnumber cc_number ccnum pan_number debit_card debit_card_number creditcard cardno card_no",
    "CVV": "cvv cvc cvv2 card_cvv security_code card_verification",
    "EMAIL_ADDRESS": "email e_mail email_address mail_address emailaddress",
    "PHONE_NUMBER": "phone phone_number phonenumber mobile mobile_number cell cell_phone cellphone telephone tel fax fax_number telephone_number msisdn handy",
    "PERSON": "first_name firstname last_name lastname middle_name full_name fullname given_name family_name surname forename maiden_name "
    "customer_name patient_name employee_name cardholder card_holder cardholder_name account_holder contact_name client_name person_name "
    "legal_name preferred_name nachname vorname nombre apellido apellidos prenom patient_full_name recipient_name sender_name mother_maiden_name "
    "mothers_maiden_name beneficiary_name holder_name guardian_name spouse_name emergency_contact_name",
    "ADDRESS": "street street_address address_line address_line1 address_line2 address1 address2 home_address billing_address shipping_address mailing_address "
    "postal_address residential_address street_name house_number addr addr1 addr2 street1 street2 strasse calle adresse direccion",
    "LOCATION": "city town zip zip_code zipcode postal_code postalcode postcode post_code county plz ciudad ville stadt birth_place place_of_birth birthplace",
    "DATE_OF_BIRTH": "dob date_of_birth birth_date birthdate birthday dateofbirth born geburtsdatum fecha_nacimiento date_naissance",
    "AGE": "age age_years patient_age",
    "IBAN_CODE": "iban iban_number",
    "SWIFT_BIC": "bic swift swift_code bic_code swift_bic",
    "BANK_ACCOUNT": "account_number bank_account bank_account_number acct_number acct_no accountnumber account_no bankaccount konto kontonummer",
    "ABA_ROUTING": "routing_number aba_routing aba_number routing_no aba_routing_number routing_transit_number",
    "PASSPORT": "passport passport_number passport_no passportnumber",
    "DRIVER_LICENSE": "driver_license driver_licence drivers_license driver_license_number drivers_license_number driving_licence driving_license driver_licence_number dl_number license_number",
    "LICENSE_PLATE": "license_plate licence_plate number_plate plate_number registration_plate vehicle_registration kennzeichen",
    "VIN": "vin vin_number vehicle_identification_number",
    "MEDICAL_RECORD": "mrn medical_record medical_record_number patient_id patient_number health_record_number chart_number",
    "NPI": "npi npi_number",
    "TAX_ID": "tax_id tin tax_number taxpayer_id vat_number vat_id national_id national_id_number nationalid identity_number id_card_number personal_number",
    "MAC_ADDRESS": "mac mac_address macaddress",
    "IMEI": "imei imei_number",
    "GEO_COORDINATES": "lat lng lon latitude longitude gps coordinates geolocation lat_lng latlng",
    "USERNAME": "username user_name login userid_name screen_name login_name account_name",
    "IP_ADDRESS": "ip ip_address ipaddress client_ip remote_addr remote_ip source_ip src_ip dst_ip ip_addr x_forwarded_for",
}
_BY_KEY: Final = {name.replace("_", ""): kind for kind, names in _LISTED.items() for name in names.split()}
_EXACT_ONLY: Final = frozenset(
    {
        "pass",
        "pw",
        "pin",
        "lat",
        "lon",
        "lng",
        "ip",
        "mac",
        "tel",
        "cell",
        "age",
        "born",
        "street",
        "city",
        "town",
        "login",
        "cookie",
        "konto",
        "swift",
        "bic",
        "tin",
        "handy",
        "phone",
        "mobile",
    }
)
_NOT_SECRET: Final = re.compile(
    r"(?i)^(?:true|false|null|none|nil|n/?a|undefined|unknown|\*+|x+|-+|\s*|yes|no|0|redacted|\[redacted\]|<[a-z_ -]{1,40}>|\$\{[^}]{1,60}\}|\{\{[^}]{1,60}\}\})$"
)
_NUMBER_OK: Final = frozenset({"GEO_COORDINATES"})
_PLAUSIBLE: Final[dict[str, re.Pattern[str]]] = {
    "EMAIL_ADDRESS": re.compile(r".*@"),
    "PHONE_NUMBER": re.compile(r"(?:[^0-9]*[0-9]){6}"),
    "CREDIT_CARD": re.compile(r"(?:[^0-9]*[0-9]){8}"),
    "PERSON": re.compile(r"(?=[^0-9_@/{}<>=\\]{1,80}$)\s*[^\W\d_]"),
    "IP_ADDRESS": re.compile(r"[0-9a-fA-F.:]{3,45}(?:$|[,/ ])"),
    "MAC_ADDRESS": re.compile(r"[0-9a-fA-F]{2}[:.-]?[0-9a-fA-F]{2}"),
    "DATE_OF_BIRTH": re.compile(r".*[0-9]"),
    "AGE": re.compile(r"\s*[0-9]{1,3}(?:\.0)?\b"),
    "GEO_COORDINATES": re.compile(r"\s*[-+]?[0-9]{1,3}\.[0-9]{2,}"),
    "IMEI": re.compile(r"(?:[^0-9]*[0-9]){14}"),
    "TAX_ID": re.compile(r".*[0-9]{3}"),
    "US_SSN": re.compile(r"(?:[^0-9]*[0-9]){4}"),
    "BANK_ACCOUNT": re.compile(r".*[0-9]{3}"),
    "ABA_ROUTING": re.compile(r"(?:[^0-9]*[0-9]){8}"),
    "NPI": re.compile(r"(?:[^0-9]*[0-9]){9}"),
    "MEDICAL_RECORD": re.compile(r".*[0-9]"),
    "DRIVER_LICENSE": re.compile(r".*[0-9]"),
    "LICENSE_PLATE": re.compile(r".*[0-9A-Z]"),
    "PASSPORT": re.compile(r".*[0-9]{3}"),
    "CVV": re.compile(r"\s*[0-9]{3,4}\s*$"),
    "SWIFT_BIC": re.compile(r"\s*[A-Za-z]{6}[A-Za-z0-9]{2,5}\s*$"),
    "IBAN_CODE": re.compile(r"\s*[A-Za-z]{2}[0-9]{2}"),
    "VIN": re.compile(r"\s*[A-HJ-NPR-Za-hj-npr-z0-9]{11,17}\s*$"),
}
KEY_SCORE: Final = 0.85
VALUE_CHARS_MAX: Final = 4096
_SHORT: Final = 200


@lru_cache(maxsize=4096)
def key_type(key: str) -> str | None:
    """The type that *key* declares, or None."""
    words = [w.lower() for w in _WORD.findall(key[:80])]
    for i in range(len(words)):
        tail = "".join(words[i:])
        kind = _BY_KEY.get(tail)
        if kind is not None and (i == 0 or tail not in _EXACT_ONLY or (tail in _WIDE and i > 0)):
            return kind
    return None


_WIDE: Final = frozenset(
    {"phone", "mobile", "tel", "cell", "city", "street", "ip", "mac", "lat", "lng", "lon"}
)


def is_key(key: str) -> bool:
    """Whether *key* is a listed name and nothing more (``First name``, not ``the first name``)."""
    return "".join(w.lower() for w in _WORD.findall(key[:80])) in _BY_KEY


def key_decides(key: str, value: str) -> str | None:
    """The type that *value* must be masked as because of its *key*, or None when it is empty or not plausible."""
    kind = key_type(key)
    return kind if kind is not None and is_plausible(kind, value) else None


def is_plausible(kind: str, value: str) -> bool:
    """Whether *value* may be of the *kind* that its key declares."""
    begin = value[:_SHORT]
    shape = _PLAUSIBLE.get(kind)
    return not _NOT_SECRET.match(begin) and (shape is None or shape.match(begin) is not None)
