"""The decision table: territories, sanctions, U.S. persons, against every indicator."""

import pytest

from kyc.policy.effects import Effect
from tests.kyc.questions import ENTITY, PERSON, fired, look


@pytest.mark.parametrize(
    ("changes", "effect", "rules"),
    [
        ({}, "ALLOW", set()),
        ({"residence": "CN"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC", "TERR-CN"}),
        ({"residence": "CN-31"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC", "TERR-CN"}),
        ({"residence": "cn-hk"}, "CONDITIONS", {"TERR-HK"}),
        ({"tax_residence": "CN"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC"}),
        ({"bank_country": "CN"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC", "N42-6-BANK"}),
        ({"session_country": "CN"}, "DENY", {"N42-I1-TERR"}),
        ({"settlement_currency": "CNY"}, "DENY", {"N42-I1-RMB"}),
        ({"settlement_currency": "CNH"}, "DENY", {"N42-I1-RMB"}),
        ({"settlement_currency": "USD"}, "ALLOW", set()),
        ({"nationality": ["CN"]}, "REVIEW", {"N42-18-NAT"}),
        ({"nationality": ["CN", "CH"]}, "REVIEW", {"N42-18-NAT"}),
        ({"phone": "+8613800138000"}, "REVIEW", {"N42-18-PHONE"}),
        (
            {"nationality": ["CN"], "phone": "+8613800138000"},
            "REVIEW",
            {"N42-18-NAT", "N42-18-PHONE", "N42-18-KNOW"},
        ),
        ({"document_country": "CN"}, "ALLOW", set()),
        ({"document_country": "CN", "employer_country": "CN"}, "REVIEW", {"N42-18-KNOW"}),
        ({"residence": "HK"}, "CONDITIONS", {"TERR-HK"}),
        ({"residence": "HK", "professional": False}, "DENY", {"TERR-HK", "TERR-HK-PRO"}),
        ({"residence": "HK", "va_knowledge": False}, "REVIEW", {"TERR-HK", "TERR-HK-TEST"}),
        ({"residence": "HK", "phone": "+85221800000"}, "CONDITIONS", {"TERR-HK"}),
        ({"residence": "MO"}, "REVIEW", {"TERR-MO"}),
        ({"residence": "TW"}, "REVIEW", {"TERR-TW"}),
        ({"residence": "TW", "professional": False}, "DENY", {"TERR-TW", "TERR-TW-PRO"}),
        ({"residence": "IR"}, "DENY", {"SANC-IR"}),
        ({"residence": "KP"}, "DENY", {"SANC-KP"}),
        ({"bank_country": "CU"}, "DENY", {"SANC-CU"}),
        ({"residence": "UA-43"}, "DENY", {"SANC-UA"}),
        ({"residence": "UA"}, "REVIEW", {"SANC-UA-REGION"}),
        ({"residence": "UA-30"}, "ALLOW", set()),
        ({"residence": "UA-65"}, "REVIEW", {"SANC-UA-REGION"}),
        ({"residence": "UA-99"}, "REVIEW", {"SANC-UA-REGION"}),
        ({"residence": "SY"}, "ALLOW", set()),
        ({"nationality": ["IR"]}, "REVIEW", {"SANC-LINK"}),
        ({"phone": "+79780000000"}, "REVIEW", {"SANC-LINK"}),
        ({"residence": "US"}, "DENY", {"US-PERSON"}),
        ({"residence": "PR"}, "DENY", {"US-PERSON"}),
        ({"residence": "US-PR"}, "DENY", {"US-PERSON"}),
        ({"us_person": True}, "DENY", {"US-PERSON-STATED"}),
        ({"nationality": ["US"]}, "ALLOW", set()),
        ({"tax_residence": "US"}, "REVIEW", {"US-LINK"}),
        (
            {"action": "mint", "relationship": "holder", "session_country": "US"},
            "DENY",
            {"US-ORDER"},
        ),
    ],
)
def test_a_person_is_decided_by_the_table(changes, effect, rules):
    outcome = look(PERSON | changes)
    assert (outcome.effect.name, fired(outcome)) == (effect, rules)


@pytest.mark.parametrize(
    ("changes", "effect", "rules"),
    [
        ({}, "ALLOW", set()),
        ({"incorporation": "CN"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC", "TERR-CN"}),
        ({"place_of_business": "CN"}, "DENY", {"N42-I1-SVC", "N42-I2-SVC", "TERR-CN"}),
        ({"incorporation": "HK"}, "CONDITIONS", {"TERR-HK"}),
        ({"cn_financial_subsidiary": True}, "REVIEW", {"N42-15-SUB"}),
        (
            {"owners": [{"country": "CN", "share_bps": 10_000}]},
            "DENY",
            {"N42-13-CTRL", "N42-13-CTRL-25"},
        ),
        (
            {
                "owners": [
                    {"country": "CN", "share_bps": 5_000},
                    {"country": "SG", "share_bps": 5_000},
                ]
            },
            "DENY",
            {"N42-13-CTRL", "N42-13-CTRL-25"},
        ),
        (
            {
                "owners": [
                    {"country": "CN", "share_bps": 4_999},
                    {"country": "SG", "share_bps": 5_001},
                ]
            },
            "REVIEW",
            {"N42-13-CTRL-25"},
        ),
        (
            {
                "owners": [
                    {"country": "CN", "share_bps": 2_499},
                    {"country": "SG", "share_bps": 7_501},
                ]
            },
            "ALLOW",
            set(),
        ),
        (
            {
                "owners": [
                    {"country": "CN", "share_bps": 2_500},
                    {"country": "CN", "share_bps": 2_500},
                    {"country": "SG", "share_bps": 5_000},
                ]
            },
            "DENY",
            {"N42-13-CTRL", "N42-13-CTRL-25"},
        ),
        (
            {
                "owners": [
                    {"country": "CN", "share_bps": 100, "controls": True},
                    {"country": "SG", "share_bps": 9_900},
                ]
            },
            "DENY",
            {"N42-13-CTRL"},
        ),
        (
            {"owners": [{"country": "SG", "share_bps": 10_000, "nationality": "CN"}]},
            "REVIEW",
            {"N42-13-NAT"},
        ),
        ({"owners": [{"country": "KP", "share_bps": 10_000}]}, "DENY", {"SANC-KP"}),
    ],
)
def test_an_entity_is_decided_by_the_table(changes, effect, rules):
    outcome = look(ENTITY | changes)
    assert (outcome.effect.name, fired(outcome)) == (effect, rules)


@pytest.mark.parametrize(
    ("action", "effect"),
    [
        ("mint", "EXIT_ONLY"),
        ("redeem", "EXIT_ONLY"),
        ("deliver", "EXIT_ONLY"),
        ("onboard", "EXIT_ONLY"),
    ],
)
def test_a_holder_found_domestic_may_only_leave(action, effect):
    facts = PERSON | {"residence": "CN", "relationship": "holder", "action": action}
    assert look(facts).effect.name == effect


def test_a_sanctioned_holder_is_frozen():
    facts = PERSON | {"residence": "IR", "relationship": "holder", "action": "redeem"}
    assert look(facts).effect is Effect.FREEZE


@pytest.mark.parametrize("name", ["residence", "nationality", "tax_residence", "bank_country"])
def test_a_missing_strong_fact_is_never_a_no(name):
    facts = {key: value for key, value in PERSON.items() if key != name}
    outcome = look(facts)
    assert outcome.effect is Effect.REVIEW
    assert all(name in finding.rule.facts for finding in outcome.speaking)


def test_unknown_owners_need_a_person_and_so_do_shares_not_accounted_for():
    unknown = {key: value for key, value in ENTITY.items() if key != "owners"}
    assert look(unknown).effect is Effect.REVIEW
    half = ENTITY | {"owners": [{"country": "SG", "share_bps": 7_000}]}
    assert look(half).effect is Effect.REVIEW
    enough = ENTITY | {"owners": [{"country": "SG", "share_bps": 7_501}]}
    assert look(enough).effect is Effect.ALLOW


def test_a_missing_fact_does_not_hold_up_an_exit():
    facts = {"kind": "natural", "action": "redeem", "relationship": "holder", "standing": "open"}
    assert look(facts).effect is Effect.ALLOW


def test_the_four_territories_differ_and_a_third_country_is_free():
    effects = {
        code: look(PERSON | {"residence": code}).effect for code in ("CN", "HK", "MO", "TW", "CH")
    }
    assert effects == {
        "CN": Effect.DENY,
        "HK": Effect.CONDITIONS,
        "MO": Effect.REVIEW,
        "TW": Effect.REVIEW,
        "CH": Effect.ALLOW,
    }
    refused = {
        code: look(PERSON | {"residence": code, "professional": False}).effect
        for code in ("HK", "MO", "TW")
    }
    assert refused == {"HK": Effect.DENY, "MO": Effect.REVIEW, "TW": Effect.DENY}


def test_a_session_from_the_mainland_is_refused_with_the_clause_on_the_internet():
    facts = {"kind": "entity", "action": "session", "relationship": "new", "session_country": "CN"}
    outcome = look(facts)
    assert outcome.effect is Effect.DENY
    assert fired(outcome) == {"N42-7-GEO"}
    for code in ("HK", "MO", "TW", "US"):
        assert look(facts | {"session_country": code}).effect is Effect.ALLOW
