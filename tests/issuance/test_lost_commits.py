"""Orders that lost commits may have signed for, while their fund is halted or nobody approved them."""

import contextlib
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from custody import queries as custody_queries
from custody import services as custody_services
from custody.ledger import LedgerHalted
from issuance import services
from issuance.chain.errors import NoQuorum
from issuance.models import Order, Recovery, Token
from issuance.pipeline import recover
from issuance.services import postings, unknowable
from issuance.states import RecoveryCause
from tests.issuance import paper as papers
from tests.issuance.stage import NETWORK, OPERATOR, TEST


def status(order):
    return Order.objects.get(pk=order.pk).status


def found_executed(order):
    """The recovery's last step: the chain was asked, and knows the order's id."""
    now = timezone.now()
    recovery = services.begin_recovery(
        network=NETWORK, cause=RecoveryCause.OPERATOR, reason="lost", actor=OPERATOR, now=now
    )
    assert recovery is not None
    Recovery.objects.filter(pk=recovery.pk).update(status="ASKING", horizon_block=0)
    asked = {"through": order.pk, "order_ids": [order.pk], "used": {order.pk}}
    services.record_asked(recovery_id=recovery.pk, now=now, **asked)
    return recovery


def suspected(order):
    Token.objects.update(standard="ERC3643", redemption_wallet=papers.OTHER_ADDRESS)
    unknowable.suspect_orders(order_ids=[order.pk], now=timezone.now())


def doubted(order):
    services.doubt_order(order_id=order.pk, now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(found_executed, id="asked by id"),
        pytest.param(suspected, id="left to a person"),
        pytest.param(doubted, id="met while signing"),
    ],
)
@pytest.mark.parametrize("halt", ["freeze_fund", "close_fund"])
def test_a_halted_fund_does_not_keep_its_network_from_recovering(halt, step):
    """The chain has minted already: refusing to write that down would shut the network for ever."""
    paper = papers.build()
    order, other = paper.order("10"), paper.order("1")
    stop = getattr(custody_services, halt)
    stop(fund_id=paper.fund.pk, reason="doubt", actor=OPERATOR, now=timezone.now())
    step(order)
    assert status(order) == "CHECKING"
    held = custody_queries.position(paper.fund.pk)
    assert (held.reserved, held.backing) == (other.quantity, order.quantity)
    with pytest.raises(LedgerHalted), transaction.atomic():
        postings.back(order=other, actor=TEST, now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("approves", [False, True], ids=["unapproved", "approved"])
def test_a_ruling_sends_nothing_to_the_chain_that_nobody_approved(settings, approves):
    """An approval may have been lost with the rest, and then it must be given again."""
    settings.ORDER_APPROVAL_ABOVE_UNITS = 1
    order = papers.build().order("100")
    assert status(order) == "AWAITING_APPROVAL"
    now = timezone.now()
    if approves:
        services.approve_order(order_id=order.pk, reason="seen", actor=OPERATOR, now=now)
    suspected(order)
    ruled = unknowable.rule_order(
        order_id=order.pk, executed_in="", reason="never sent", actor=TEST, now=now
    )
    expected = ("QUEUED", now) if approves else ("AWAITING_APPROVAL", None)
    assert (ruled.status, ruled.next_attempt_at, ruled.requeues) == (*expected, 1)
    if not approves:
        services.reject_order(order_id=order.pk, reason="too large", actor=OPERATOR, now=now)
        assert custody_queries.position(order.token.fund_id).backing == 0


@pytest.mark.django_db
def test_an_order_that_was_asked_about_in_vain_still_waits_for_its_approval(settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 1
    order = papers.build().order("100")
    recovery = found_executed(order)
    now = timezone.now()
    services.end_recovery(recovery_id=recovery.pk, now=now)
    services.requeue_checked(order_id=order.pk, wait=timedelta(0), now=now)
    assert status(order) == "AWAITING_APPROVAL"


class Hoarse:
    """A node that leaves every second request unanswered."""

    def __init__(self) -> None:
        self.asked = 0

    def finalized(self):
        return SimpleNamespace(number=7)

    def call_many(self, *, datas, **_):
        self.asked += 1
        if self.asked % 2 == 0:
            raise NoQuorum("two nodes must say the same")
        return [bytes(32)] * len(datas)


@pytest.mark.django_db(transaction=True)
def test_what_a_recovery_has_heard_is_kept_when_the_nodes_fall_silent(monkeypatch):
    monkeypatch.setattr(recover, "ASK_MAX", 2)
    paper, node = papers.build(), Hoarse()
    for _ in range(7):
        paper.order("1")
    now = timezone.now()
    recovery = services.begin_recovery(
        network=NETWORK, cause=RecoveryCause.OPERATOR, reason="lost", actor=OPERATOR, now=now
    )
    assert recovery is not None
    Recovery.objects.filter(pk=recovery.pk).update(status="ASKING", horizon_block=0)
    world: Any = SimpleNamespace(chain_for=lambda _: node)
    rounds = 0
    while recover.running_recovery(NETWORK) is not None:
        rounds += 1
        assert rounds < 9  # were it to begin anew each time, it would never end
        with contextlib.suppress(NoQuorum):
            recover.advance_recovery(network=NETWORK, world=world, now=now)
    assert set(Order.objects.values_list("status", flat=True)) == {"QUEUED"}
