"""Facts are made canonical, or refused by name, before a rule sees them."""

import pytest

from kyc.policy.effects import Effect
from kyc.policy.facts import FactInvalid, prepare
from kyc.policy.questions import QuestionInvalid, ask
from kyc.policy.territory import CountryInvalid, PhoneInvalid, canonical_country, phone_region
from tests.kyc.questions import NOW, PERSON, PROOFS, look


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CN", "CN"),
        ("cn-hk", "HK"),
        ("CN-MO", "MO"),
        ("CN-TW", "TW"),
        ("CN-44", "CN"),
        ("UA-43", "UA-43"),
        ("DE-BY", "DE"),
    ],
)
def test_countries_are_made_canonical(text, code):
    assert canonical_country(text) == code


@pytest.mark.parametrize("text", ["", "XX", "C", "CHN", "中国", "CN-", "86", "QZ"])
def test_what_is_no_country_is_refused(text):
    with pytest.raises(CountryInvalid):
        canonical_country(text)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+86 138 0013 8000", "CN"),
        ("+852 2180 0000", "HK"),
        ("+853 2872 8888", "MO"),
        ("+886 2 2720 8889", "TW"),
        ("+41 44 668 18 00", "CH"),
        ("+7 978 000 00 00", "UA-43"),
        ("+7 949 000 00 00", "UA-14"),
        ("+1 787 555 0100", "PR"),
        ("+86999", "CN"),
    ],
)
def test_a_phone_number_shows_its_region(number, region):
    assert phone_region(number) == region


@pytest.mark.parametrize("number", ["", "0446681800", "+", "+999123", "+41" * 12, "call me"])
def test_what_is_no_international_number_is_refused(number):
    with pytest.raises(PhoneInvalid):
        phone_region(number)


@pytest.mark.parametrize(
    "facts",
    [
        {"colour": "red"},
        {"residence": "XX"},
        {"residence": 156},
        {"residence": ["CN"] * 21},
        {"professional": "yes"},
        {"settlement_currency": "RENMINBI"},
        {"phone": "13800138000"},
        {"action": "borrow"},
        {"owners": "CN"},
        {"owners": [{"share_bps": 1}]},
        {"owners": [{"country": "CN", "share_bps": 10_001}]},
        {"owners": [{"country": "CN", "share_bps": 6_000}, {"country": "CN", "share_bps": 6_000}]},
        {"owners": [{"country": "CN", "share_bps": 50.0}]},
        {"owners": [{"country": "CN", "name": "Li"}]},
    ],
)
def test_a_fact_outside_the_vocabulary_is_refused(facts):
    with pytest.raises(FactInvalid):
        prepare(facts)


def test_a_refused_phone_number_is_not_repeated():
    with pytest.raises(FactInvalid) as refused:
        prepare({"phone": "13800138000"})
    assert "138" not in str(refused.value)


def test_contradicting_words_on_a_yes_or_no_are_taken_at_their_strictest():
    assert look(PERSON | {"residence": "HK", "professional": [True, False]}).effect is Effect.DENY
    assert look(PERSON | {"us_person": [False, True]}).effect is Effect.DENY


def test_bare_facts_are_a_question():
    assert ask({"residence": "CN"}, now=NOW).effect is Effect.DENY
    assert ask({"incorporation": "CN"}, now=NOW).effect is Effect.DENY
    assert (
        ask({"facts": {"residence": "CN"}, "as_of": "2026-01-01"}, now=NOW).effect is Effect.ALLOW
    )


def test_a_question_may_bring_overrides():
    question = {
        "facts": {"residence": "CN"},
        "overrides": [{"rule": "N42-I2-SVC", "proofs": sorted(PROOFS)}],
    }
    lifted = [f.rule.id for f in ask(question, now=NOW).findings if f.lifted_by]
    assert lifted == ["N42-I2-SVC"]


@pytest.mark.parametrize(
    "question",
    [
        [],
        "CN",
        {"facts": []},
        {"facts": {}, "colour": 1},
        {"colour": "red"},
        {"residence": "CN", "incorporation": "CN"},
        {"facts": {}, "as_of": "tomorrow"},
        {"facts": {}, "overrides": [{}]},
    ],
)
def test_what_is_no_question_is_refused(question):
    with pytest.raises(QuestionInvalid):
        ask(question, now=NOW)
