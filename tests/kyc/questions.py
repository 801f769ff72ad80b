"""Facts to ask the engine about, and the asking."""

from datetime import UTC, datetime, timedelta

from kyc.policy.active import active_policies
from kyc.policy.engine import Grant, Result, evaluate
from kyc.policy.facts import prepare

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PERSON = {
    "kind": "natural",
    "action": "onboard",
    "relationship": "new",
    "standing": "open",
    "residence": "CH",
    "nationality": ["CH"],
    "tax_residence": "CH",
    "bank_country": "CH",
    "phone": "+41446681800",
    "professional": True,
}
ENTITY = {
    "kind": "entity",
    "action": "onboard",
    "relationship": "new",
    "standing": "open",
    "incorporation": "SG",
    "place_of_business": "SG",
    "tax_residence": "SG",
    "bank_country": "SG",
    "professional": True,
    "owners": [{"country": "SG", "share_bps": 10_000, "controls": True}],
}
STRONG_PERSON = ["residence", "tax_residence", "bank_country", "session_country"]
STRONG_ENTITY = ["incorporation", "place_of_business", "tax_residence", "bank_country"]
PROOFS = frozenset({"competent_authority_approval", "financial_infrastructure"})


def look(facts, overrides=(), as_of=NOW):
    return evaluate(active_policies(), prepare(facts), as_of, overrides)


def fired(outcome):
    return {finding.rule.id for finding in outcome.findings if finding.result is Result.FIRED}


def grant(rule, proofs=PROOFS, days=1):
    return Grant(
        "ovr_1", rule, "EXEMPTION", NOW - timedelta(days=9), NOW + timedelta(days=days), proofs
    )
