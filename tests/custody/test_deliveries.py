"""Deliveries: shares leave custody on the custodian's confirmation, and never behind its back."""

import pytest

from core.errors import StateConflict
from core.models import Event
from core.units import parse_quantity
from custody import queries, services
from custody.models import Delivery, Fund
from kyc import services as kyc_services
from kyc.models import Decision
from kyc.policy import NotEligible
from tests.custody.rows import NOW, TEST


def status_of(row):
    row.refresh_from_db()
    return row.status


def test_a_requested_delivery_sets_free_shares_aside(stage):
    stage.settled_deposit("1000")
    delivery = stage.request("100")
    held = stage.held()
    assert (held.free, held.releasing) == (parse_quantity("900"), parse_quantity("100"))
    assert held.settled == parse_quantity("1000")
    assert queries.attestable(stage.fund.pk) == parse_quantity("900")
    assert delivery.decision.action == "deliver"


def test_delivered_shares_have_left(stage):
    stage.settled_deposit("1000")
    delivery = stage.instruct("100")
    stage.confirm(delivery, "MATCHED")
    stage.confirm(delivery)
    assert status_of(delivery) == "DELIVERED"
    assert stage.held().settled == parse_quantity("900")
    types = list(Event.objects.filter(object_id=delivery.pk).values_list("type", flat=True))
    assert types == ["delivery.requested", "delivery.instructed", "delivery.delivered"]


def test_more_than_is_free_cannot_be_delivered(stage):
    stage.settled_deposit("10")
    with pytest.raises(queries.SharesNotFree) as refusal:
        stage.request("11")
    assert refusal.value.code == "insufficient_shares"
    assert Delivery.objects.count() == 0
    assert stage.held().free == parse_quantity("10")


def test_a_suspended_investor_needs_a_person_before_shares_leave(stage):
    stage.settled_deposit("10")
    kyc_services.suspend_investor(investor_id=stage.investor.pk, reason="tip", actor=TEST, now=NOW)
    with pytest.raises(NotEligible) as refusal:
        stage.request("10")
    assert refusal.value.extra["effect"] == "review"
    assert Decision.objects.filter(action="deliver", effect="REVIEW").count() == 1
    assert stage.held().free == parse_quantity("10")


def test_a_delivery_called_off_in_time_frees_the_shares(stage):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    services.cancel_delivery(delivery_id=delivery.pk, reason="mistake", actor=TEST, now=NOW)
    assert status_of(delivery) == "CANCELLED"
    assert stage.held().free == parse_quantity("10")
    with pytest.raises(StateConflict):
        services.begin_delivery_instruction(delivery=delivery, actor=TEST, now=NOW)


def test_an_instructed_delivery_cannot_be_called_off(stage):
    stage.settled_deposit("10")
    delivery = stage.instruct("10")
    with pytest.raises(StateConflict):
        services.cancel_delivery(delivery_id=delivery.pk, reason="late", actor=TEST, now=NOW)
    assert stage.held().releasing == parse_quantity("10")


def test_the_custodian_refusing_frees_the_shares(stage):
    stage.settled_deposit("10")
    delivery = stage.instruct("10")
    stage.confirm(delivery, "REJECTED", reason="UNKNOWN_PARTICIPANT")
    assert (status_of(delivery), delivery.reason_code) == ("REJECTED", "UNKNOWN_PARTICIPANT")
    assert stage.held().free == parse_quantity("10")


def test_a_delivery_cancelled_after_a_part_frees_the_rest(stage):
    stage.settled_deposit("10")
    delivery = stage.instruct("10")
    stage.confirm(delivery, shares="4", custodian_reference="P1")
    assert status_of(delivery) == "PARTIALLY_DELIVERED"
    stage.confirm(delivery, "CANCELLED")
    assert status_of(delivery) == "CANCELLED"
    assert (stage.held().free, stage.held().settled) == (parse_quantity("6"),) * 2


def test_shares_that_leave_after_a_cancellation_freeze_the_fund(stage):
    stage.settled_deposit("10")
    delivery = stage.instruct("10")
    stage.confirm(delivery, "CANCELLED")
    found = stage.confirm(delivery).breaks
    assert [(each.kind, each.severity) for each in found] == [("UNEXPECTED_MOVE", "S0")]
    assert Fund.objects.get(symbol="IBIT").status == "FROZEN"


def test_a_delivery_reported_before_it_was_instructed_is_a_break(stage):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    found = stage.confirm(delivery).breaks
    assert [each.kind for each in found] == ["UNEXPECTED_MOVE"]
    assert stage.held().settled == parse_quantity("10")


def test_a_closed_fund_still_delivers(stage):
    stage.settled_deposit("10")
    services.close_fund(fund_id=stage.fund.pk, reason="liquidated", actor=TEST, now=NOW)
    delivery = stage.instruct("10")
    stage.confirm(delivery)
    assert status_of(delivery) == "DELIVERED"


def test_no_event_names_the_destination(stage):
    stage.settled_deposit("10")
    stage.confirm(stage.instruct("10"))
    assert not any(b"KELLER" in bytes(event.body) for event in Event.objects.all())
