"""The words policies may use: every fact, what it means, who it applies to and who states it."""

from dataclasses import dataclass
from enum import StrEnum

from kyc.states import Action, InvestorKind

NATURAL = frozenset({InvestorKind.NATURAL.lower()})
ENTITY = frozenset({InvestorKind.ENTITY.lower()})
EVERYONE = NATURAL | ENTITY


class FactType(StrEnum):
    """How a fact's value is written."""

    COUNTRY = "country"  # ISO 3166-1 alpha-2, or ISO 3166-2 where a rule needs the region
    BOOLEAN = "boolean"
    CURRENCY = "currency"  # ISO 4217, plus CNH for offshore renminbi
    WORD = "word"  # one of ``choices``
    OWNERS = "owners"  # [{country, share_bps, controls, nationality?}]


class Origin(StrEnum):
    """Who states a fact."""

    DECLARED = "declared"  # the institution, through the API or the portal
    DERIVED = "derived"  # worked out from other records
    REQUEST = "request"  # the request or order being decided


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: absent means unknown, except for a kind of investor it does not apply to."""

    name: str
    type: FactType
    origin: Origin
    meaning: str
    kinds: frozenset[str] = EVERYONE
    choices: frozenset[str] = frozenset()
    many: bool = False


_C, _B, _W = FactType.COUNTRY, FactType.BOOLEAN, FactType.WORD
_DECLARED, _DERIVED, _REQUEST = Origin.DECLARED, Origin.DERIVED, Origin.REQUEST
_ACTIONS = frozenset(str(action) for action in Action)
_RELATIONSHIPS = frozenset({"new", "holder"})
_STANDINGS = frozenset({"open", "suspended", "frozen"})

_SPECS = (
    FactSpec("kind", _W, _DERIVED, "Person or entity.", choices=EVERYONE),
    FactSpec("action", _W, _REQUEST, "What is asked for.", choices=_ACTIONS),
    FactSpec(
        "relationship",
        _W,
        _DERIVED,
        "`new` before the first approval, `holder` after it.",
        choices=_RELATIONSHIPS,
    ),
    FactSpec("standing", _W, _DERIVED, "The investor's own state.", choices=_STANDINGS),
    FactSpec("residence", _C, _DECLARED, "Where the person lives.", NATURAL, many=True),
    FactSpec("nationality", _C, _DECLARED, "Citizenships held.", NATURAL, many=True),
    FactSpec("incorporation", _C, _DECLARED, "Where the entity is organised.", ENTITY, many=True),
    FactSpec(
        "place_of_business", _C, _DECLARED, "Principal places of business.", ENTITY, many=True
    ),
    FactSpec("tax_residence", _C, _DECLARED, "Where taxes are owed.", many=True),
    FactSpec("bank_country", _C, _DECLARED, "Where the paying bank accounts are.", many=True),
    FactSpec(
        "phone_region",
        _C,
        _DERIVED,
        "Region of the phone number; the number itself never reaches a policy.",
        many=True,
    ),
    FactSpec("document_country", _C, _DERIVED, "Issuers of identity documents.", many=True),
    FactSpec("employer_country", _C, _DECLARED, "Where the employer is.", NATURAL, many=True),
    FactSpec("session_country", _C, _REQUEST, "Country of the client's address.", many=True),
    FactSpec(
        "settlement_currency",
        FactType.CURRENCY,
        _DECLARED,
        "Money the investor pays or is paid in; also the peg of a settlement token.",
        many=True,
    ),
    FactSpec("professional", _B, _DECLARED, "Qualified as a professional investor.", many=True),
    FactSpec("va_knowledge", _B, _DECLARED, "Passed the virtual-asset knowledge test.", many=True),
    FactSpec(
        "us_person", _B, _DECLARED, "A U.S. person under Regulation S, Rule 902(k).", many=True
    ),
    FactSpec(
        "cn_financial_subsidiary",
        _B,
        _DECLARED,
        "Overseas subsidiary or branch of a mainland financial institution.",
        ENTITY,
        many=True,
    ),
    FactSpec("owners", FactType.OWNERS, _DERIVED, "Beneficial owners on record.", ENTITY),
)
FACTS: dict[str, FactSpec] = {spec.name: spec for spec in _SPECS}
DECLARABLE = frozenset(spec.name for spec in _SPECS if spec.origin is Origin.DECLARED)
# The API takes the number; policies see only its region.
PHONE = "phone"
