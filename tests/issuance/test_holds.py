"""Holds stop what they name, for as long as they say, and nothing else; each ends by itself."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import NotFound, SameActor, StateConflict
from core.ids import new_uuid
from core.models import Event
from issuance import services
from issuance.models import Hold, Order
from issuance.policy import HoldActive
from issuance.services.holds import HoldInvalid, HoldOfAnother, HoldTerms
from issuance.states import ChainTransactionKind, Direction, HoldOwner, HoldReason, OrderType
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import COLLEAGUE, OPERATOR, make_wallet

pytestmark = pytest.mark.django_db
SECRET_NOTE = "case 12, the investor's cousin"


def hold(paper, *directions, actor=OPERATOR, on="token", **changes):
    named = {
        "token": {"token_id": paper.token.pk},
        "fund": {"fund_id": paper.fund.pk},
        "investor": {"investor_id": paper.investor.pk},
        "wallet": {"token_id": paper.token.pk, "wallet_id": paper.wallet.pk},
    }[on]
    terms = {
        "directions": frozenset(directions or {Direction.MINT}),
        "owner": HoldOwner.OPERATIONS,
        "reason_code": HoldReason.CORPORATE_ACTION,
        "note": SECRET_NOTE,
    }
    return services.place_hold(
        terms=HoldTerms(**terms | named | changes), actor=actor, now=timezone.now()
    )


def lift(row, actor=COLLEAGUE, owner=HoldOwner.OPERATIONS, now=None):
    return services.lift_hold(
        hold_id=row.pk, owner=owner, reason="over", actor=actor, now=now or timezone.now()
    )


def sign_for(order, kind=ChainTransactionKind.MINT, now=None):
    return services.assign_orders(
        token_id=order.token_id,
        kind=kind,
        order_ids=[order.pk],
        signer_id=papers.issuing_signer(order.token).pk,
        gas=100_000,
        now=now or timezone.now(),
    )


@pytest.mark.parametrize("subject", ["token", "fund", "investor", "wallet"])
def test_an_order_on_what_is_held_is_refused_with_the_public_reason(subject):
    paper = papers.build()
    row = hold(paper, on=subject)
    with pytest.raises(HoldActive) as refusal:
        paper.order()
    assert refusal.value.code == "hold_active"
    assert refusal.value.extra["reason_code"] == "corporate_action"
    assert refusal.value.extra["hold_id"] == row.public_id
    assert SECRET_NOTE not in str(refusal.value.extra) + refusal.value.detail


def test_a_hold_stops_only_the_directions_it_names():
    paper = papers.build()
    hold(paper, Direction.REDEEM, Direction.TRANSFER)
    paper.order()
    papers.mint(paper, "10")
    with pytest.raises(HoldActive):
        paper.order("5", OrderType.REDEEM)


def test_a_hold_on_another_wallet_or_investor_stops_nothing_here():
    paper = papers.build()
    other = make_wallet(paper.investor, papers.OTHER_ADDRESS)
    hold(paper, on="wallet", wallet_id=other.pk)
    paper.order()


def test_an_order_taken_before_the_hold_is_not_signed_for_and_goes_on_after_it():
    paper = papers.build()
    order = paper.order("10")
    row = hold(paper)
    assert sign_for(order) is None
    order.refresh_from_db()
    assert (order.status, order.reason_code) == ("QUEUED", "hold_active")
    assert order.next_attempt_at is not None
    assert order.next_attempt_at > timezone.now() + timedelta(seconds=5)
    lifted_at = timezone.now()
    lift(row, now=lifted_at)
    order.refresh_from_db()
    assert order.next_attempt_at == lifted_at
    assert sign_for(order) is not None


def test_a_redemption_in_escrow_waits_for_the_end_of_its_hold():
    paper = papers.build()
    papers.mint(paper, "10")
    order = papers.escrow(paper.order("4", OrderType.REDEEM))
    row = hold(paper, Direction.REDEEM)
    assert sign_for(order, ChainTransactionKind.BURN) is None
    assert Order.objects.get(pk=order.pk).status == "QUEUED"
    lift(row)
    assert sign_for(order, ChainTransactionKind.BURN) is not None


def test_lifting_one_hold_does_not_lift_another():
    paper = papers.build()
    first, second = hold(paper), hold(paper, on="investor")
    lift(first)
    with pytest.raises(HoldActive) as refusal:
        paper.order()
    assert refusal.value.extra["hold_id"] == second.public_id
    lift(second)
    paper.order()


def test_a_hold_ends_with_its_time_even_before_anybody_records_it():
    paper = papers.build()
    until = timezone.now() + timedelta(hours=1)
    row = hold(paper, until=until)
    order = Order(token=paper.token, investor=paper.investor, wallet=paper.wallet, type="MINT")
    assert services.holds.set_aside([order], now=until - timedelta(seconds=1)) == []
    assert services.holds.set_aside([order], now=until) == [order]
    ids = [row.pk]
    assert services.expire_holds(hold_ids=ids, now=until - timedelta(seconds=1)) == 0
    assert services.expire_holds(hold_ids=ids, now=until) == 1
    assert services.expire_holds(hold_ids=ids, now=until) == 0
    row.refresh_from_db()
    assert (row.status, row.ended_by) == ("EXPIRED", "system:issuance.pipeline")


def test_the_side_that_holds_lifts_and_compliance_needs_another_person():
    paper = papers.build()
    mine = hold(paper, owner=HoldOwner.OPERATIONS)
    with pytest.raises(HoldOfAnother):
        lift(mine, owner=HoldOwner.COMPLIANCE)
    lift(mine, actor=OPERATOR)
    theirs = hold(paper, owner=HoldOwner.COMPLIANCE)
    with pytest.raises(HoldOfAnother):
        lift(theirs)
    with pytest.raises(SameActor):
        lift(theirs, actor=OPERATOR, owner=HoldOwner.COMPLIANCE)
    lift(theirs, owner=HoldOwner.COMPLIANCE)
    with pytest.raises(StateConflict):
        lift(theirs, owner=HoldOwner.COMPLIANCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"directions": frozenset()},
        {"token_id": None},
        {"fund_id": "other"},
        {"until": "past"},
        {"note": "  "},
        {"wallet_id": "elsewhere"},
    ],
    ids=["no direction", "nothing", "two things", "an end in the past", "no note", "two networks"],
)
def test_a_hold_that_makes_no_sense_is_refused(changes):
    paper = papers.build()
    if changes.get("fund_id"):
        changes = {"fund_id": paper.fund.pk}
    if changes.get("until"):
        changes = {"until": timezone.now() - timedelta(seconds=1)}
    if changes.get("wallet_id"):
        elsewhere = make_wallet(paper.investor, papers.OTHER_ADDRESS)
        type(elsewhere).objects.filter(pk=elsewhere.pk).update(network="elsewhere")
        changes = {"wallet_id": elsewhere.pk}
    with pytest.raises(HoldInvalid):
        hold(paper, **changes)
    assert not Hold.objects.exists()


def test_a_hold_on_what_does_not_exist_is_refused():
    with pytest.raises(NotFound):
        hold(papers.build(), token_id=new_uuid())


def test_events_tell_the_institution_the_code_and_never_the_note():
    paper = papers.build()
    lift(hold(paper, on="investor", reason_code=HoldReason.LEGAL_ORDER))
    told = Event.objects.filter(type__startswith="hold.", institution=paper.institution)
    bodies = [
        json.loads(bytes(event.body))["data"]["object"] for event in told.order_by("sequence")
    ]
    assert [each["status"] for each in bodies] == ["active", "lifted"]
    assert {each["reason_code"] for each in bodies} == {"legal_order"}
    assert bodies[0]["investor_id"] == paper.investor.public_id
    assert all(SECRET_NOTE not in bytes(event.body).decode() for event in told)
    last = told.last()
    assert last is not None
    assert "over" not in bytes(last.body).decode().split("data")[1]


@pytest.mark.parametrize(
    "columns",
    [
        {"stops_mint": False},
        {"status": "LIFTED"},
        {"status": "LIFTED", "owner": "COMPLIANCE", "ended_by": str(OPERATOR)},
        {"token": None},
    ],
    ids=["nothing", "ended by nobody", "lifted by its maker", "on nothing"],
)
def test_the_database_refuses_what_the_service_never_writes(columns):
    row = hold(papers.build())
    if "ended_by" in columns:
        columns = columns | {"ended_at": timezone.now()}
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Hold.objects.filter(pk=row.pk).update(**columns)


def test_institutions_read_the_holds_that_concern_them_and_no_others(db):  # noqa: ARG001
    paper = papers.build()
    other = custody_rows.make_institution("Other Broker")
    stranger = custody_rows.make_investor(other)
    mine, shared = hold(paper, on="investor"), hold(paper, Direction.TRANSFER)
    foreign = hold(paper, investor_id=stranger.pk, token_id=None)
    answer = paper.api.get("/v1/holds")
    assert answer.status_code == 200
    listed = answer.json()["data"]
    assert {each["id"] for each in listed} == {mine.public_id, shared.public_id}
    assert SECRET_NOTE not in answer.content.decode()
    row = next(each for each in listed if each["id"] == shared.public_id)
    assert (row["directions"], row["token_id"]) == (["transfer"], paper.token.public_id)
    assert paper.api.get(f"/v1/holds/{foreign.public_id}").status_code == 404
    lift(mine)
    assert len(paper.api.get("/v1/holds").json()["data"]) == 1
    assert paper.api.get(f"/v1/holds/{mine.public_id}").json()["status"] == "lifted"


def test_the_api_refuses_an_order_under_a_hold_with_the_code_and_takes_it_later():
    paper = papers.build()
    row, body = hold(paper), paper.body()
    key = {"Idempotency-Key": "same-key-1"}
    answer = paper.api.post("/v1/orders", body, **key)
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["retryable"]) == ("hold_active", True)
    assert problem["reason_code"] == "corporate_action"
    lift(row)
    assert paper.api.post("/v1/orders", body, **key).status_code == 201
