"""After approval: expiry, restrictions, corrected facts, owners, documents and overrides."""

from datetime import timedelta
from typing import Any

import pytest

from core.errors import NotFound, SameActor, StateConflict
from kyc import queries, services
from kyc.models import Fact, Investor
from kyc.policy.facts import FactInvalid, FactUnknown
from kyc.services.refusals import (
    DocumentUsed,
    ExternalIdUsed,
    FieldRefused,
    InvestorFinal,
    OverrideRefused,
)
from tests.kyc.rows import (
    CHECKER,
    MAINLAND,
    MAKER,
    NOW,
    SG_COMPANY,
    SWISS,
    TEST,
    YEAR,
    add_owner,
    declare,
    events_of,
    make_approved,
    make_institution,
    make_investor,
    submit,
)

pytestmark = pytest.mark.django_db


def test_an_approval_runs_out():
    investor = make_approved()
    late = NOW + YEAR
    assert list(queries.expired_approvals(now=late - timedelta(seconds=1))) == []
    assert [row.pk for row in queries.expired_approvals(now=late)] == [investor.pk]
    assert services.expire_approval(investor_id=investor.pk, now=late - YEAR).status == "APPROVED"
    expired = services.expire_approval(investor_id=investor.pk, now=late)
    assert expired.status == "SUSPENDED"
    assert events_of(investor)[-1] == "investor.suspended"
    again = services.expire_approval(investor_id=investor.pk, now=late)
    assert again.version == expired.version


@pytest.mark.parametrize(
    ("service", "status"),
    [
        (services.suspend_investor, "SUSPENDED"),
        (services.freeze_investor, "FROZEN"),
        (services.restrict_to_exit, "EXIT_ONLY"),
        (services.close_investor, "CLOSED"),
    ],
)
def test_one_person_may_restrict(service, status):
    investor = make_approved()
    row = service(investor_id=investor.pk, reason="tip", actor=MAKER, now=NOW)
    assert row.status == status
    assert (row.proposed_by, row.approved_by) == ("", "")


def test_a_final_investor_takes_no_more_facts():
    rejected = submit(make_investor(facts=MAINLAND))
    with pytest.raises(InvestorFinal):
        declare(rejected, residence="CH")
    with pytest.raises(StateConflict):
        submit(rejected)


def test_facts_are_superseded_and_never_lost():
    investor = make_investor()
    declare(investor, residence="FR")
    declare(investor, residence="FR")
    rows = Fact.objects.filter(investor=investor, name="residence").order_by("pk")
    assert [fact.value for fact in rows] == ['["CH"]', '["FR"]']
    assert rows[1].supersedes == rows[0]
    current = queries.current_facts(investor_id=investor.pk, now=NOW).filter(name="residence")
    assert [fact.value for fact in current] == ['["FR"]']


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"colour": "red"}, FactUnknown),
        ({"owners": []}, FactUnknown),
        ({"session_country": "CH"}, FactUnknown),
        ({"standing": "open"}, FactUnknown),
        ({"residence": "XX"}, FactInvalid),
        ({"incorporation": "CH"}, FactInvalid),
        ({"phone": "call me"}, FactInvalid),
    ],
)
def test_a_fact_that_cannot_be_declared_leaves_nothing_behind(facts, error):
    with pytest.raises(error):
        make_investor(facts=SWISS | facts)
    assert not Investor.objects.exists()
    assert not Fact.objects.exists()


def test_an_external_id_is_used_once_per_institution():
    institution = make_institution()
    make_investor(institution, external_id="a")
    with pytest.raises(ExternalIdUsed):
        make_investor(institution, external_id="a")
    make_investor(external_id="a")


def test_another_institutions_investor_does_not_exist():
    investor = make_investor()
    other = make_institution()
    with pytest.raises(NotFound):
        queries.investor_for(institution_id=other.pk, investor_id=investor.pk)
    with pytest.raises(NotFound):
        services.submit_investor(
            institution_id=other.pk, investor_id=investor.pk, actor=TEST, now=NOW
        )


def test_owners_never_exceed_the_whole_and_persons_have_none():
    company = make_investor(facts=SG_COMPANY, kind="ENTITY")
    add_owner(company, country="SG", share_bps=9_000)
    with pytest.raises(FieldRefused):
        add_owner(company, country="SG", share_bps=1_001)
    with pytest.raises(FieldRefused):
        add_owner(company, country="XX", share_bps=1)
    with pytest.raises(FieldRefused):
        add_owner(make_investor(), country="SG", share_bps=1)


def test_a_document_is_on_file_once():
    investor = make_investor()

    def add(**changes):
        fields = {
            "kind": "passport",
            "issuing_country": "CH",
            "expires_on": None,
            "sha256": "a" * 64,
        }
        return services.add_document(
            institution_id=investor.institution_id,
            investor_id=investor.pk,
            actor=TEST,
            now=NOW,
            **fields | changes,
        )

    add()
    with pytest.raises(DocumentUsed):
        add()
    for changes in ({"sha256": "A" * 64}, {"expires_on": NOW.date()}, {"issuing_country": "XX"}):
        with pytest.raises(FieldRefused):
            add(**changes)


PROOFS = {"competent_authority_approval": "No. 1", "financial_infrastructure": "Name"}


def test_an_override_needs_its_proofs_two_people_and_an_end():
    investor = make_approved()

    def propose(**changes):
        fields: dict[str, Any] = {
            "rule": "N42-I2-SVC",
            "evidence": PROOFS,
            "valid_to": NOW + timedelta(days=30),
        }
        return services.propose_override(
            investor_id=investor.pk, reason="r", actor=MAKER, now=NOW, **fields | changes
        )

    for changes in (
        {"rule": "N42-I1-SVC"},
        {"rule": "NONE"},
        {"evidence": {"competent_authority_approval": "No. 1"}},
        {"evidence": PROOFS | {"financial_infrastructure": " "}},
        {"valid_to": NOW},
        {"valid_to": NOW + timedelta(days=366)},
    ):
        with pytest.raises(OverrideRefused):
            propose(**changes)
    override = propose()
    with pytest.raises(SameActor):
        services.approve_override(override_id=override.pk, actor=MAKER, now=NOW)
    assert not queries.live_overrides(investor_id=investor.pk, now=NOW).exists()
    services.approve_override(override_id=override.pk, actor=CHECKER, now=NOW)
    assert queries.live_overrides(investor_id=investor.pk, now=NOW).count() == 1
    assert declare(investor, residence="CN").status == "EXIT_ONLY"
    services.revoke_override(override_id=override.pk, actor=MAKER, now=NOW)
    assert not queries.live_overrides(investor_id=investor.pk, now=NOW).exists()
