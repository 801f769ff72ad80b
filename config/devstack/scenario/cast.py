"""Who plays: two investors who may hold, and two whom the notice excludes."""

from datetime import UTC, datetime, timedelta
from typing import Any

# Far enough that no expiry interferes, near enough to be a real document's.
DOCUMENT_DAYS = 3 * 365


def _person(reference: str, name: str, *, country: str, phone: str) -> dict[str, Any]:
    return {
        "external_id": reference,
        "kind": "natural",
        "legal_name": name,
        "facts": {
            "residence": country,
            "nationality": country,
            "tax_residence": country,
            "bank_country": country,
            "phone": phone,
            "us_person": False,
            "professional": True,
        },
    }


def _entity(reference: str, name: str, *, country: str, phone: str) -> dict[str, Any]:
    return {
        "external_id": reference,
        "kind": "entity",
        "legal_name": name,
        "facts": {
            "incorporation": country,
            "place_of_business": country,
            "tax_residence": country,
            "bank_country": country,
            "phone": phone,
            "us_person": False,
            "professional": True,
            "va_knowledge": True,
        },
    }


INVESTORS: dict[str, dict[str, Any]] = {
    "A": _person("client-0001", "Anna Keller", country="CH", phone="+41446681800"),
    "B": _entity("client-0002", "Harbour Fund OFC", country="HK", phone="+85223456789"),
    "C": _person("client-0003", "Chen Wei", country="CN", phone="+8613812345678"),
    "D": _entity("client-0004", "Merlion Trading Pte Ltd", country="SG", phone="+6562345678"),
}
# Only in the sample of ./dev run.
LATER: dict[str, dict[str, Any]] = {
    "E": _entity("client-0005", "Formosa Wealth Ltd", country="TW", phone="+886223456789"),
    "F": _person("client-0006", "Beatriz Alonso", country="ES", phone="+34911234567"),
}
ABOUT = {
    "A": "a resident of Switzerland",
    "B": "a Hong Kong fund, professional, owned in Hong Kong and Britain",
    "C": "a resident of mainland China",
    "D": "a Singapore company controlled by a mainland parent",
}
OWNERS: dict[str, list[dict[str, Any]]] = {
    "B": [
        {
            "name": "Lau Ka Yan",
            "kind": "natural",
            "country": "HK",
            "nationality": "HK",
            "share_pct": "60.00",
            "controls": True,
        },
        {
            "name": "Oliver Wright",
            "kind": "natural",
            "country": "GB",
            "nationality": "GB",
            "share_pct": "40.00",
            "controls": False,
        },
    ],
    "D": [
        {
            "name": "Jiangnan Holdings",
            "kind": "entity",
            "country": "CN",
            "share_pct": "100.00",
            "controls": True,
        },
    ],
}


def document(letter: str) -> dict[str, str]:
    """The identity document of an investor, by its digest only."""
    investor = (INVESTORS | LATER)[letter]
    country = investor["facts"].get("nationality") or investor["facts"]["incorporation"]
    kind = "passport" if investor["kind"] == "natural" else "register_extract"
    expires = datetime.now(tz=UTC) + timedelta(days=DOCUMENT_DAYS)
    digest = f"{ord(letter):02x}" * 32
    return {
        "kind": kind,
        "issuing_country": country,
        "expires_on": expires.date().isoformat(),
        "sha256": digest,
    }
