"""Signing for orders: what KYC says at that moment is kept, and answers are not stretched."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from custody import queries as custody_queries
from custody import services as custody_services
from custody.ledger import LedgerHalted
from issuance import services
from issuance.models import Order
from issuance.states import ChainTransactionKind
from kyc import services as kyc_services
from kyc.models import Decision
from tests.issuance import paper as papers
from tests.issuance.stage import CLIENT, OPERATOR

pytestmark = pytest.mark.django_db


def sign_for(order, *others):
    return services.assign_orders(
        token_id=order.token_id,
        kind=ChainTransactionKind.MINT,
        order_ids=[order.pk, *(each.pk for each in others)],
        signer_id=papers.issuing_signer(order.token).pk,
        gas=100_000,
        now=timezone.now(),
    )


def declare_mainland_phone(paper):
    """A weak sign that asks a person's judgement before anything enters."""
    kyc_services.record_facts(
        institution_id=paper.institution.pk,
        investor_id=paper.investor.pk,
        facts={"phone": "+8613912345678"},
        actor=CLIENT,
        now=timezone.now() - timedelta(seconds=1),
    )


def approve(order):
    return services.approve_order(
        order_id=order.pk, actor=OPERATOR, reason="looked at", now=timezone.now()
    )


def fresh(order):
    return Order.objects.select_related("decision").get(pk=order.pk)


def test_the_decision_asked_right_before_signing_is_kept_with_the_order():
    order = papers.build().order()
    taken = order.decision
    assert sign_for(order) is not None
    signed = fresh(order).decision
    assert (signed.trigger, signed.effect) == ("signing", "ALLOW")
    assert signed.pk != taken.pk
    assert Decision.objects.filter(action="mint").count() == 2


def test_an_order_on_a_fund_closed_meanwhile_ends_and_its_shares_are_free():
    paper = papers.build()
    order = paper.order("10")
    custody_services.close_fund(
        fund_id=paper.fund.pk, reason="liquidated", actor=OPERATOR, now=timezone.now()
    )
    assert sign_for(order) is None
    ended = fresh(order)
    assert (ended.status, ended.reason_code) == ("REJECTED", "fund_closed")
    assert custody_queries.position(paper.fund.pk).free == 1000 * 10**18


def test_an_order_on_a_frozen_fund_waits_for_its_thaw():
    paper = papers.build()
    order = paper.order("10")
    custody_services.freeze_fund(
        fund_id=paper.fund.pk, reason="doubt", actor=OPERATOR, now=timezone.now()
    )
    with pytest.raises(LedgerHalted):
        sign_for(order)
    assert fresh(order).status == "QUEUED"


def test_an_approval_for_size_does_not_answer_a_review_that_came_later(settings):
    paper = papers.build()
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = approve(paper.order())
    declare_mainland_phone(paper)
    assert sign_for(order) is None
    waiting = fresh(order)
    assert (waiting.status, waiting.reason_code) == ("AWAITING_APPROVAL", "review")
    assert waiting.decision.effect == "REVIEW"
    approve(order)
    assert sign_for(order) is not None
    assert fresh(order).status == "SUBMITTED"


def decisions_read(orders):
    """The statements that read decisions while these orders are signed for together."""
    with CaptureQueriesContext(connection) as asked:
        sign_for(*orders)
    table = Decision._meta.db_table
    return [each["sql"] for each in asked if f'FROM "{table}"' in each["sql"]]


def test_reviews_that_were_approved_are_read_at_once_without_their_evidence():
    paper = papers.build()
    declare_mainland_phone(paper)
    orders = [approve(paper.order()) for _ in range(3)]
    (read,) = decisions_read(orders)
    assert '"fired"' in read
    assert '"snapshot"' not in read
    assert '"body"' not in read
    assert {fresh(order).status for order in orders} == {"SUBMITTED"}


def test_orders_that_end_without_a_new_decision_read_their_own_at_once():
    paper = papers.build()
    orders = [paper.order() for _ in range(3)]
    custody_services.close_fund(
        fund_id=paper.fund.pk, reason="liquidated", actor=OPERATOR, now=timezone.now()
    )
    assert len(decisions_read(orders)) == 1
    for order in orders:
        assert (fresh(order).status, fresh(order).decision) == ("REJECTED", order.decision)


def test_orders_that_nobody_reviewed_read_no_former_decision():
    paper = papers.build()
    assert decisions_read([paper.order() for _ in range(3)]) == []


def test_an_order_that_was_signed_for_before_waits_for_the_thaw_too():
    """Its shares lie in backing already, so no posting asks about the halt a second time."""
    paper = papers.build()
    order = paper.order("10")
    services.doubt_order(order_id=order.pk, now=timezone.now())
    services.requeue_checked(order_id=order.pk, wait=timedelta(0), now=timezone.now())
    assert (fresh(order).status, fresh(order).requeues) == ("QUEUED", 1)
    custody_services.freeze_fund(
        fund_id=paper.fund.pk, reason="doubt", actor=OPERATOR, now=timezone.now()
    )
    with pytest.raises(LedgerHalted):
        sign_for(order)
    assert fresh(order).status == "QUEUED"
