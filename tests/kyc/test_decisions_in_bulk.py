"""require_each(): many investors asked at once get the very decisions that one by one they get."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import DomainError
from kyc import policy
from kyc.models import Decision, Investor, store_decisions
from kyc.policy.replay import replay
from tests.kyc.rows import NOW, SWISS, add_owner, declare, make_approved, make_institution

pytestmark = pytest.mark.django_db


def _learn(investor, residence):
    """A fact that no service has acted upon yet: the status still says APPROVED."""
    investor.facts.create(
        name="residence",
        value=f'["{residence}"]',
        source="provider",
        recorded_at=NOW,
        valid_from=NOW,
    )


def _people():
    institution = make_institution()
    plain = make_approved(institution)
    mainland_phone = make_approved(institution)
    declare(mainland_phone, phone="+8613912345678")
    moved_to_china = make_approved(institution)
    _learn(moved_to_china, "CN")
    frozen = make_approved(institution)
    Investor.objects.filter(pk=frozen.pk).update(status="FROZEN")
    expired = make_approved(institution)
    Investor.objects.filter(pk=expired.pk).update(kyc_expires_at=NOW - timedelta(days=1))
    documented = make_approved(institution)
    documented.documents.create(
        kind="passport", issuing_country="CN", sha256="0" * 64, created_at=NOW
    )
    people = [plain, mainland_phone, moved_to_china, frozen, expired, documented, plain]
    return [Investor.objects.get(pk=each.pk) for each in people]


def _alone(investor, action):
    try:
        return policy.require(
            investor=investor, action=action, context={}, now=NOW, trigger="signing"
        )
    except DomainError as refusal:
        return refusal


def _columns(decision):
    return {
        field.name: getattr(decision, field.attname)
        for field in Decision._meta.fields
        if field.name != "id"
    } | {"policy_versions": [row.sha256 for row in decision.policy_versions]}


def _shape(answer):
    if isinstance(answer, Decision):
        return _columns(answer)
    extra = {name: value for name, value in answer.extra.items() if name != "decision_id"}
    return (type(answer), answer.code, answer.detail, extra, [_columns(e) for e in answer.evidence])


@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_many_asked_at_once_get_what_each_would_get_alone(action):
    people = _people()
    together = policy.require_each(investors=people, action=action, now=NOW, trigger="signing")
    alone = [_alone(each, action) for each in people]
    assert [_shape(each) for each in together] == [_shape(each) for each in alone]
    # Something of everything was asked, or the comparison proves little.
    assert {type(each) for each in alone} >= {Decision, policy.InvestorNotApproved}
    if action == "mint":
        effects = {each.effect for each in alone if isinstance(each, Decision)}
        assert effects == {"ALLOW", "REVIEW"}
        assert {type(each) for each in alone} >= {policy.KycExpired, policy.NotEligible}


def test_an_entity_with_owners_is_judged_alike():
    entity = make_approved(
        facts={
            "incorporation": "CH",
            "place_of_business": "CH",
            "tax_residence": "CH",
            "bank_country": "CH",
        },
        kind="ENTITY",
    )
    add_owner(entity, country="LI", share_bps=10_000, controls=True)
    (together,) = policy.require_each(investors=[entity], action="redeem", now=NOW)
    assert _shape(together) == _shape(_alone_with_trigger(entity))


def _alone_with_trigger(investor):
    return policy.require(investor=investor, action="redeem", context={}, now=NOW)


def test_an_investor_named_twice_gets_two_decisions_to_keep():
    investor = make_approved()
    first, second = policy.require_each(investors=[investor, investor], action="mint", now=NOW)
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert first.pk != second.pk
    store_decisions([first, second])
    stored = Decision.objects.filter(pk__in=[first.pk, second.pk])
    assert [replay(each).problem for each in stored] == ["", ""]


def test_the_number_of_statements_does_not_grow_with_the_number_of_investors():
    institution = make_institution()
    people = [make_approved(institution) for _ in range(7)]
    counts = []
    for some in (people[:1], people):
        with CaptureQueriesContext(connection) as made:
            policy.require_each(investors=some, action="mint", now=NOW)
        counts.append(len(made))
    assert counts == [4, 4]


def test_the_facts_of_one_investor_never_speak_for_another():
    institution = make_institution()
    swiss = make_approved(institution)
    chinese = make_approved(institution)
    _learn(chinese, "CN")
    answers = policy.require_each(investors=[chinese, swiss, chinese], action="mint", now=NOW)
    assert [isinstance(each, policy.NotEligible) for each in answers] == [True, False, True]
    assert SWISS["residence"] == "CH"


def test_investors_known_by_the_same_facts_get_each_a_decision_of_their_own():
    people = [make_approved(make_institution()) for _ in range(2)]
    judged = policy.require_each(investors=people, action="mint", now=NOW)
    answers = [each for each in judged if isinstance(each, Decision)]
    assert answers[0].sha256 == answers[1].sha256
    assert [each.investor_id for each in answers] == [each.pk for each in people]
    assert [each.institution_id for each in answers] == [each.institution_id for each in people]
    store_decisions(answers)
    stored = Decision.objects.filter(pk__in=[each.pk for each in answers])
    assert [replay(each).problem for each in stored] == ["", ""]
