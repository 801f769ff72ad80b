"""Countries as policies mean them: canonical codes, the region of a phone number, ISO numbers."""

import csv
import re
from functools import lru_cache
from importlib.resources import files

import phonenumbers

_CODE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
# ISO lists these as subdivisions of another country too; rules know them as rows of their own.
_OWN_ROW = {
    "CN-HK": "HK",
    "CN-MO": "MO",
    "CN-TW": "TW",
    "US-PR": "PR",
    "US-GU": "GU",
    "US-VI": "VI",
    "US-AS": "AS",
    "US-MP": "MP",
    "US-UM": "UM",
}
# Rules tell the regions of Ukraine apart; a region named is not "Ukraine, somewhere".
_KEPT_REGIONS = frozenset(
    f"UA-{number}"
    for number in (
        [
            "05",
            "07",
            "09",
            "12",
            "14",
            "18",
            "21",
            "23",
            "26",
            "30",
            "32",
            "35",
            "40",
            "43",
            "46",
            "48",
            "51",
            "53",
            "56",
            "59",
            "61",
            "63",
            "65",
            "68",
            "71",
            "74",
            "77",
        ]
    )
)
# Numbering plans that answer with another country's code (+7 978 and +7 869 Crimea, +7 949
# Donetsk, +7 959 Luhansk).
_PHONE_PREFIXES = {"+7978": "UA-43", "+7869": "UA-40", "+7949": "UA-14", "+7959": "UA-09"}
_PHONE_LENGTH_MAX = 20


class CountryInvalid(ValueError):
    """The text is not an ISO 3166-1 alpha-2 code or an ISO 3166-2 code."""


class PhoneInvalid(ValueError):
    """The text is not a phone number in international form, such as ``+41446681800``."""


def canonical_country(text: str) -> str:
    """The code that rules compare: ``cn-hk`` is ``HK``, ``CN-31`` is ``CN``, ``UA-43`` stays.

    Raises CountryInvalid for anything that is not an assigned code.
    """
    code = text.strip().upper()
    if _CODE.fullmatch(code) is None:
        raise CountryInvalid(text[:8])
    if code in _OWN_ROW:
        return _OWN_ROW[code]
    if code in _KEPT_REGIONS:
        return code
    country = code[:2]
    if country not in _numbers():
        raise CountryInvalid(text[:8])
    return country


def phone_region(text: str) -> str:
    """The region of a number in international form. Raises PhoneInvalid."""
    compact = re.sub(r"[\s().-]", "", text)
    if len(compact) > _PHONE_LENGTH_MAX or not compact.startswith("+"):
        raise PhoneInvalid
    for prefix, region in _PHONE_PREFIXES.items():
        if compact.startswith(prefix):
            return region
    try:
        number = phonenumbers.parse(compact)
    except phonenumbers.NumberParseException as broken:
        raise PhoneInvalid from broken
    # A number outside today's plan still shows its region by the country code.
    region = phonenumbers.region_code_for_number(
        number
    ) or phonenumbers.region_code_for_country_code(number.country_code or 0)
    if region not in _numbers():
        raise PhoneInvalid
    return str(region)


def numeric_country(code: str) -> int:
    """The ISO 3166-1 number the chain stores, such as 756 for ``CH``. Raises CountryInvalid."""
    try:
        return _numbers()[code[:2]]
    except KeyError as unknown:
        raise CountryInvalid(code[:8]) from unknown


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    text = files("kyc.policy").joinpath("countries.csv").read_text(encoding="utf-8")
    return {row["alpha2"]: int(row["numeric"]) for row in csv.DictReader(text.splitlines())}
