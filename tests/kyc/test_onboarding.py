"""Onboarding: submitted, checked, decided, approved by two people, and decided anew."""

import threading
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from core.errors import SameActor, StateConflict
from core.models import Event
from kyc import policy, queries, services
from kyc.models import Check, Decision, Fact, Investor, Override, PolicyVersion
from kyc.policy import NotEligible
from kyc.services.refusals import (
    CheckNotPassed,
    NotProposed,
)
from tests.kyc.rows import (
    CHECKER,
    HK_FUND,
    MAINLAND,
    MAKER,
    NOW,
    SG_COMPANY,
    SWISS,
    TEST,
    YEAR,
    add_owner,
    approve,
    declare,
    events_of,
    make_approved,
    make_investor,
    submit,
)

pytestmark = pytest.mark.django_db


def rules_of(decision):
    return {rule["id"] for rule in decision.fired if rule["result"] == "fired"}


def test_a_swiss_person_is_approved_by_two_people_for_a_year():
    investor = make_investor()
    assert submit(investor).status == "IN_REVIEW"
    approved = approve(investor)
    assert approved.status == "APPROVED"
    assert (approved.proposed_by, approved.approved_by) == (str(MAKER), str(CHECKER))
    assert approved.kyc_expires_at == NOW + YEAR
    assert approved.decision.effect == "ALLOW"
    assert events_of(investor) == [
        "investor.created",
        "investor.submitted",
        "investor.in_review",
        "investor.approval_proposed",
        "investor.approved",
    ]


def test_a_mainland_resident_is_rejected_at_once_with_clause_and_quotation():
    rejected = submit(make_investor(facts=MAINLAND))
    assert rejected.status == "REJECTED"
    assert rejected.decision.effect == "DENY"
    assert rules_of(rejected.decision) == {"N42-I1-SVC", "N42-I2-SVC", "TERR-CN"}
    first = rejected.decision.fired[0]
    assert (first["document"], first["clause"]) == ("Yinfa [2026] 42", "I(I)")
    assert first["quote"].startswith("Overseas entities and individuals are not allowed")


def test_a_hong_kong_fund_is_approved_under_conditions():
    fund = make_investor(facts=HK_FUND, kind="ENTITY")
    add_owner(fund, country="HK", share_bps=10_000, controls=True)
    submit(fund)
    assert approve(fund).decision.effect == "CONDITIONS"


def test_a_company_controlled_from_the_mainland_is_rejected():
    company = make_investor(facts=SG_COMPANY, kind="ENTITY")
    add_owner(company, country="CN", share_bps=6_000, controls=True)
    add_owner(company, country="SG", share_bps=4_000)
    rejected = submit(company)
    assert rejected.status == "REJECTED"
    assert "N42-13-CTRL" in rules_of(rejected.decision)


def test_an_open_question_is_answered_by_the_approval_and_not_asked_again():
    investor = make_investor(facts=SWISS | {"nationality": ["CN"]})
    submit(investor)
    approved = approve(investor)
    assert approved.decision.effect == "REVIEW"
    assert list(Override.objects.values_list("rule", "kind", "status")) == [
        ("N42-18-NAT", "REVIEWED", "ACTIVE")
    ]
    again = policy.require(investor=approved, action="mint", context={}, now=NOW)
    assert again.effect == "ALLOW"
    later = policy.decide(investor=approved, action="mint", context={}, now=NOW + YEAR)
    assert later.effect == "REVIEW"


def test_the_maker_cannot_check():
    investor = make_investor()
    submit(investor)
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    with pytest.raises(SameActor):
        services.approve_investor(investor_id=investor.pk, actor=MAKER, now=NOW)
    investor.refresh_from_db()
    assert investor.status == "IN_REVIEW"


def test_nobody_is_approved_without_a_proposal():
    investor = make_investor()
    submit(investor)
    with pytest.raises(NotProposed):
        services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_by": str(MAKER)},
        {"approved_by": ""},
        {"proposed_by": ""},
        {"kyc_expires_at": None},
        {"status": "HAPPY"},
    ],
)
def test_the_database_itself_refuses_an_approval_by_fewer_than_two(changes):
    investor = make_approved()
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Investor.objects.filter(pk=investor.pk).update(**changes)


def test_the_database_refuses_an_override_by_one_person():
    make_approved(facts=SWISS | {"nationality": ["CN"]})
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Override.objects.update(approved_by=str(MAKER))
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Override.objects.update(approved_by="")


@pytest.mark.parametrize("model", [Fact, Decision, PolicyVersion])
def test_what_was_known_and_decided_cannot_be_changed_or_removed(model):
    make_approved()
    column = {"Fact": "source", "Decision": "effect", "PolicyVersion": "name"}[model.__name__]
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        model.objects.update(**{column: "DENY"})
    table = model._meta.db_table
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        connection.cursor().execute(f"DELETE FROM {table}")


def test_new_facts_drop_a_proposal_that_did_not_see_them():
    investor = make_investor()
    submit(investor)
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    declare(investor, employer_country="DE")
    with pytest.raises(NotProposed):
        services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)


def test_new_facts_drop_a_proposal_to_reinstate_too():
    investor = make_approved()
    services.freeze_investor(investor_id=investor.pk, reason="tip", actor=MAKER, now=NOW)
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    declare(investor, employer_country="DE")
    with pytest.raises(NotProposed):
        services.reinstate_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)


def test_what_a_check_found_out_later_is_decided_at_once(settings):
    settings.KYC_PROVIDER = "sandbox"
    investor = make_investor(external_id="SANDBOX-REVIEW")
    submit(investor)
    approve(investor)
    services.record_check_result(
        check_id=Check.objects.get(investor=investor).pk,
        status="PASSED",
        reason_code="",
        facts={"residence": ["CN"]},
        actor=TEST,
        now=NOW,
    )
    investor.refresh_from_db()
    assert investor.status == "EXIT_ONLY"
    assert investor.decision.trigger == "check"


def test_a_check_that_fails_after_the_approval_suspends(settings):
    settings.KYC_PROVIDER = "sandbox"
    investor = make_investor(external_id="SANDBOX-REVIEW")
    submit(investor)
    approve(investor)
    services.record_check_result(
        check_id=Check.objects.get(investor=investor).pk,
        status="FAILED",
        reason_code="document_forged",
        facts={},
        actor=TEST,
        now=NOW,
    )
    investor.refresh_from_db()
    assert (investor.status, investor.approved_by) == ("SUSPENDED", "")
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    with pytest.raises(CheckNotPassed):
        services.reinstate_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)


def test_a_checks_result_drops_a_proposal_that_did_not_see_it(settings):
    settings.KYC_PROVIDER = "sandbox"
    investor = submit(make_investor(external_id="SANDBOX-PENDING"))
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    services.record_check_result(
        check_id=Check.objects.get(investor=investor).pk,
        status="REVIEW",
        reason_code="photo_unclear",
        facts={},
        actor=TEST,
        now=NOW,
    )
    with pytest.raises(NotProposed):
        services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)


def test_an_investor_that_turned_out_domestic_is_not_approved_and_the_reason_is_kept():
    investor = make_investor()
    submit(investor)
    declare(investor, tax_residence="CN")
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    with pytest.raises(NotEligible) as refused:
        services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)
    investor.refresh_from_db()
    assert investor.status == "IN_REVIEW"
    kept = Decision.objects.get(trigger="approval")
    assert refused.value.extra["decision_id"] == kept.public_id
    extra: dict[str, Any] = dict(refused.value.extra)
    assert {rule["clause"] for rule in extra["rules"]} == {"I(I)", "I(II)"}


def test_a_holder_who_moves_to_the_mainland_may_only_leave():
    investor = declare(make_approved(), residence="CN")
    assert investor.status == "EXIT_ONLY"
    assert investor.decision.effect == "EXIT_ONLY"
    assert events_of(investor)[-1] == "investor.exit_only"


def test_a_holder_who_moves_to_a_sanctioned_country_is_frozen_and_moving_on_does_not_thaw_it():
    investor = make_approved()
    assert declare(investor, residence="IR").status == "FROZEN"
    assert declare(investor, residence="CH").status == "FROZEN"


def test_a_way_back_takes_two_people_and_a_fresh_decision():
    investor = declare(make_approved(), residence="CN")
    with pytest.raises(NotProposed):
        services.reinstate_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    with pytest.raises(NotEligible):
        services.reinstate_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)
    declare(investor, residence="CH")
    services.propose_approval(investor_id=investor.pk, actor=CHECKER, now=NOW)
    with pytest.raises(SameActor):
        services.reinstate_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)
    back = services.reinstate_investor(investor_id=investor.pk, actor=MAKER, now=NOW)
    assert back.status == "APPROVED"


def test_an_institution_cannot_talk_away_what_a_provider_found(settings):
    settings.KYC_PROVIDER = "sandbox"
    investor = make_investor(name="SANDBOX-RESIDES-CN Anna")
    assert submit(investor).status == "REJECTED"
    facts = queries.current_facts(investor_id=investor.pk, now=NOW).filter(name="residence")
    assert sorted(fact.source for fact in facts) == ["declared", "provider:sandbox"]


@pytest.mark.parametrize(
    ("word", "check", "status"),
    [
        ("", "PASSED", "IN_REVIEW"),
        ("SANDBOX-FAIL", "FAILED", "REJECTED"),
        ("SANDBOX-REVIEW", "REVIEW", "IN_REVIEW"),
        ("SANDBOX-PENDING", "PENDING", "IN_REVIEW"),
    ],
)
def test_the_sandbox_provider_gives_each_outcome(settings, word, check, status):
    settings.KYC_PROVIDER = "sandbox"
    investor = submit(make_investor(external_id=f"{word}-1"))
    assert investor.status == status
    assert Check.objects.get(investor=investor).status == check


def test_approval_waits_for_a_pending_check(settings):
    settings.KYC_PROVIDER = "sandbox"
    investor = submit(make_investor(external_id="SANDBOX-PENDING"))
    with pytest.raises(CheckNotPassed):
        approve(investor)
    check = Check.objects.get(investor=investor)
    services.record_check_result(
        check_id=check.pk, status="PASSED", reason_code="", facts={}, actor=TEST, now=NOW
    )
    assert approve(investor).status == "APPROVED"


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_approve_at_once_one_wins():
    investor = make_investor()
    submit(investor)
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=NOW)
    start = threading.Barrier(8)
    outcomes = []

    def try_it():
        start.wait()
        try:
            services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=NOW)
            outcomes.append("approved")
        except StateConflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["approved"] + ["refused"] * 7
    assert Event.objects.filter(type="investor.approved").count() == 1
