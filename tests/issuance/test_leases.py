"""Who holds a row's lease may give it back, and nobody else; each round counts its leases anew."""

from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from core.errors import StateConflict
from core.work import claim_due
from issuance import services
from issuance.models import ChainTransaction, Holder, Order
from issuance.pipeline import advance, assign, check, verified
from issuance.pipeline.check import LEASE
from issuance.pipeline.world import World
from issuance.states import ChainTransactionKind
from tests.issuance import paper as papers
from tests.issuance.test_states import make_transaction

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = cast("World", None)  # nothing here may ask the outside


@pytest.fixture
def paper():
    return papers.build()


def claim(paper, now):
    return assign._claim(paper.token, ChainTransactionKind.MINT, now=now)


def taken_over(paper):
    """An order in the hands of a slow worker, and the lease of the one that claimed it since."""
    paper.order()
    now = timezone.now()
    (slow,) = claim(paper, now)
    (quick,) = claim(paper, now + LEASE)
    return slow, quick.leased_until


def lease_of(order):
    row = Order.objects.get(pk=order.pk)
    return row.leased_until, row.reason_code


def test_a_slow_worker_releases_no_order_that_another_has_claimed_since(paper):
    slow, lease = taken_over(paper)
    assign._release([slow], at=timezone.now() + LEASE, reason_code="hold_active")
    assert lease_of(slow) == (lease, "")


def test_a_slow_worker_delays_no_order_that_another_has_claimed_since(paper):
    slow, lease = taken_over(paper)
    wait: dict[str, Any] = {"wait": timedelta(minutes=5), "now": timezone.now()}
    services.delay_order(order=slow, reason_code="hold_active", **wait)
    assert lease_of(slow) == (lease, "")


def test_whoever_holds_an_order_releases_and_delays_it(paper):
    first, second = paper.order(), paper.order()
    now = timezone.now()
    held = {order.pk: order for order in claim(paper, now)}
    assign._release([held[first.pk]], at=now + LEASE, reason_code="hold_active")
    wait: dict[str, Any] = {"wait": LEASE, "now": now}
    services.delay_order(order=held[second.pk], reason_code="hold_active", **wait)
    for order in (first, second):
        assert lease_of(order) == (None, "hold_active")
        assert Order.objects.get(pk=order.pk).next_attempt_at == now + LEASE


def test_an_order_that_nobody_holds_is_left_alone(paper):
    order = paper.order()
    assign._release([order], at=timezone.now() + LEASE, reason_code="hold_active")
    services.delay_order(order=order, reason_code="hold_active", wait=LEASE, now=timezone.now())
    assert lease_of(order) == (None, "")
    due = Order.objects.get(pk=order.pk).next_attempt_at
    assert due is not None
    assert due < timezone.now()


def test_a_slow_check_leaves_the_order_to_the_worker_that_took_it_over(paper, monkeypatch):
    order = paper.order()
    services.doubt_order(order_id=order.pk, now=timezone.now())
    now = timezone.now()
    doubtful = Order.objects.filter(pk=order.pk)

    def dawdle(*_, **__):
        claim_due(doubtful, now=now + LEASE, lease=LEASE, limit=1)
        raise StateConflict

    monkeypatch.setattr(check, "_check", dawdle)
    assert check.check_due(world=NOWHERE, now=now) == 0
    assert lease_of(order)[0] == now + LEASE + LEASE


def test_a_slow_worker_notes_nothing_on_a_transaction_that_another_has_claimed_since(paper):
    now = timezone.now()
    make_transaction(paper.token, next_attempt_at=now)
    rows = ChainTransaction.objects.all()
    (slow,) = claim_due(rows, now=now, lease=LEASE, limit=1)
    (quick,) = claim_due(rows, now=now + LEASE, lease=LEASE, limit=1)
    advance._wait(slow, "unknown: no answer", timedelta(minutes=5), now)
    row = rows.get()
    assert (row.leased_until, row.last_note) == (quick.leased_until, "")
    advance._wait(quick, "unknown: no answer", timedelta(minutes=5), now)
    row = rows.get()
    assert (row.leased_until, row.last_note) == (None, "unknown: no answer")
    assert row.next_attempt_at == now + timedelta(minutes=5)


def test_what_could_not_be_signed_when_it_was_numbered_is_left_to_whoever_has_claimed_it_since(
    paper,
):
    now = timezone.now()
    numbered = make_transaction(paper.token, next_attempt_at=now)
    (quick,) = claim_due(ChainTransaction.objects.all(), now=now, lease=LEASE, limit=1)
    advance._wait(numbered, "halt_active: drill", timedelta(minutes=5), now)
    assert ChainTransaction.objects.get().leased_until == quick.leased_until


def test_a_register_entry_that_another_has_claimed_since_is_left_to_it(paper):
    rows = Holder.objects.filter(token=paper.token)
    now = timezone.now()
    rows.update(status="PENDING", next_attempt_at=now, leased_until=None)
    (slow,) = claim_due(rows, now=now, lease=LEASE, limit=1)
    (quick,) = claim_due(rows, now=now + LEASE, lease=LEASE, limit=1)
    verified.give_back([slow], at=now)
    assert rows.get().leased_until == quick.leased_until
    verified.give_back([quick], at=now + LEASE)
    assert rows.get().leased_until is None


def test_each_round_counts_its_leases_from_its_own_moment(paper, monkeypatch):
    for _ in range(3):
        paper.order()
    began = timezone.now()
    rounds: list[Any] = []
    monkeypatch.setitem(
        assign._DUE, ChainTransactionKind.MINT, (*assign._DUE[ChainTransactionKind.MINT][:2], 1)
    )

    def clock():
        return began + timedelta(seconds=2 * len(rounds))

    def take(_token, _kind, orders, **_):
        rounds.extend(orders)
        return len(orders)

    monkeypatch.setattr(assign, "_assign", take)
    assert assign.assign_due(world=NOWHERE, clock=clock) == 3
    assert [order.leased_until - began - assign.LEASE for order in rounds] == [
        timedelta(seconds=2 * each) for each in range(3)
    ]
