"""Laws the engine obeys whatever the facts."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kyc.policy.active import active_policies
from kyc.policy.effects import Effect
from kyc.policy.engine import Grant
from tests.kyc.questions import (
    NOW,
    PERSON,
    STRONG_ENTITY,
    STRONG_PERSON,
    fired,
    grant,
    look,
)

CODES = st.sampled_from(["CH", "SG", "HK", "MO", "TW", "CN", "US", "IR", "GB", "UA", "UA-43", "JP"])
SOME = st.lists(CODES, min_size=1, max_size=3)
CONTEXT = {
    "session_country": CODES,
    "settlement_currency": st.sampled_from(["USD", "CNY", "CNH", "EUR"]),
    "professional": st.booleans(),
    "va_knowledge": st.booleans(),
    "us_person": st.booleans(),
}
ACTIONS = st.sampled_from(["onboard", "register_wallet", "mint", "deposit", "redeem", "deliver"])
ALWAYS = {
    "action": ACTIONS,
    "relationship": st.sampled_from(["new", "holder"]),
    "standing": st.just("open"),
}
PEOPLE = st.fixed_dictionaries(
    ALWAYS | {"kind": st.just("natural")},
    optional=CONTEXT
    | dict.fromkeys(("residence", "nationality", "tax_residence", "bank_country", "phone_region", "document_country", "employer_country"), SOME),
)  # fmt: skip
OWNERS = st.lists(
    st.fixed_dictionaries(
        {"country": CODES, "share_bps": st.integers(0, 2_500), "controls": st.booleans()},
        optional={"nationality": CODES},
    ),
    max_size=4,
)
ENTITIES = st.fixed_dictionaries(
    ALWAYS | {"kind": st.just("entity")},
    optional=CONTEXT
    | dict.fromkeys(("incorporation", "place_of_business", "tax_residence", "bank_country"), SOME)
    | {"owners": OWNERS, "cn_financial_subsidiary": st.booleans()},
)
ANYONE = st.one_of(PEOPLE, ENTITIES)
MANY = settings(max_examples=400, deadline=None)


def _with_mainland(facts, name):
    before = facts.get(name, [])
    return facts | {name: [*(before if isinstance(before, list) else [before]), "CN"]}


@MANY
@given(ANYONE, st.sampled_from([*STRONG_PERSON, *STRONG_ENTITY, "nationality", "phone_region"]))
def test_adding_a_sign_of_the_mainland_never_relaxes(facts, name):
    before, after = look(facts), look(_with_mainland(facts, name))
    assert after.effect >= before.effect
    assert fired(after) >= fired(before)


@MANY
@given(ANYONE, st.integers(0, 5_000), st.booleans())
def test_adding_a_mainland_owner_never_relaxes(facts, share, controls):
    owners = facts.get("owners", [])
    share = min(share, 10_000 - sum(owner["share_bps"] for owner in owners))
    more = [*owners, {"country": "CN", "share_bps": share, "controls": controls}]
    if facts["kind"] == "entity" and "owners" in facts:
        assert look(facts | {"owners": more}).effect >= look(facts).effect


@MANY
@given(ANYONE, st.randoms(use_true_random=False))
def test_the_order_of_facts_and_values_does_not_matter(facts, rng):
    names = list(facts)
    rng.shuffle(names)
    shuffled = {}
    for name in names:
        value = facts[name]
        shuffled[name] = rng.sample(value, len(value)) if isinstance(value, list) else value
    assert look(shuffled).body() == look(facts).body()


@MANY
@given(ANYONE, st.sets(st.sampled_from([rule.id for p in active_policies() for rule in p.rules])))
def test_an_answer_put_together_from_parts_is_its_description_as_canonical_json(facts, rules):
    for overrides in ([], [grant(rule) for rule in sorted(rules)]):
        outcome = look(facts, overrides)
        described = json.dumps(
            outcome.describe(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert outcome.body() == described.encode()


@MANY
@given(ANYONE, st.sets(st.sampled_from([rule.id for p in active_policies() for rule in p.rules])))
def test_an_expired_override_is_none(facts, rules):
    expired = [grant(rule, days=-1) for rule in sorted(rules)]
    assert look(facts, expired).body() == look(facts).body()


@MANY
@given(ANYONE, st.sets(st.sampled_from([rule.id for p in active_policies() for rule in p.rules])))
def test_no_set_of_overrides_ever_clears_limb_one(facts, rules):
    outcome = look(facts, [grant(rule) for rule in sorted(rules)])
    before = look(facts)
    lifted = {finding.rule.id for finding in outcome.findings if finding.lifted_by}
    assert lifted <= {"N42-I2-SVC"}
    if {"N42-I1-SVC", "N42-I1-TERR", "N42-I1-RMB"} & fired(before):
        assert outcome.effect >= min(before.effect, Effect.EXIT_ONLY)


@MANY
@given(PEOPLE)
def test_hong_kong_for_the_mainland_changes_only_the_listed_rules(facts):
    facts = facts | {"residence": ["CN"]}
    swapped = look(facts | {"residence": ["HK"]})
    changed = fired(look(facts)) ^ fired(swapped)
    assert changed <= {
        "N42-I1-SVC", "N42-I2-SVC", "TERR-CN", "TERR-HK", "TERR-HK-PRO", "TERR-HK-TEST",
    }  # fmt: skip


def test_an_override_of_limb_two_needs_both_proofs_and_leaves_limb_one():
    facts = PERSON | {"residence": "CN"}
    half = look(facts, [grant("N42-I2-SVC", frozenset({"competent_authority_approval"}))])
    assert not any(finding.lifted_by for finding in half.findings)
    whole = look(facts, [grant("N42-I2-SVC")])
    lifted = [finding for finding in whole.findings if finding.lifted_by]
    assert [finding.rule.id for finding in lifted] == ["N42-I2-SVC"]
    assert whole.effect is Effect.DENY
    assert "N42-I1-SVC" in {finding.rule.id for finding in whole.speaking}


def test_a_review_is_answered_for_the_facts_it_saw_and_no_others():
    facts = PERSON | {"nationality": ["CN"]}
    finding = next(f for f in look(facts).findings if f.rule.id == "N42-18-NAT")
    answer = Grant(
        "ovr_2", "N42-18-NAT", "REVIEWED", NOW, NOW + timedelta(days=1),
        facts_sha256=finding.facts_sha256,
    )  # fmt: skip
    assert look(facts, [answer]).effect is Effect.ALLOW
    assert look(facts | {"nationality": ["CN", "CA"]}, [answer]).effect is Effect.REVIEW
    assert look(facts | {"residence": "CN"}, [answer]).effect is Effect.DENY


def test_a_policy_speaks_from_the_day_it_is_in_force():
    facts = PERSON | {"residence": "CN"}
    assert look(facts, as_of=datetime(2026, 2, 5, 23, 59, tzinfo=UTC)).findings == ()
    assert look(facts, as_of=datetime(2026, 2, 6, tzinfo=UTC)).effect is Effect.DENY
