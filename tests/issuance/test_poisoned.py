"""One row that cannot be worked on holds up no other row of the same tick."""

from django.utils import timezone

from custody.ledger import InsufficientShares
from issuance import services
from issuance.models import ChainTransaction, Order
from issuance.pipeline import advance, check
from issuance.pipeline import waves as plain
from issuance.services import postings


def status(order):
    return Order.objects.get(pk=order.pk).status


def test_a_transaction_that_cannot_be_settled_waits_and_the_next_one_goes_on(ready, monkeypatch):
    first, second = ready.order("1"), ready.order("2")
    monkeypatch.setattr(plain, "take", lambda *, rows, **_: rows)
    ready.tick()
    mint = ChainTransaction.objects.get(kind="MINT")
    monkeypatch.setattr(
        services,
        "record_inclusion",
        lambda **_: (_ for _ in ()).throw(InsufficientShares(order_id=first.public_id)),
    )
    ready.hurry()
    ready.anvil.mine(1)
    advance.advance_due(world=ready.world, clock=timezone.now)
    mint.refresh_from_db()
    assert mint.last_note.startswith("insufficient_shares")
    assert mint.leased_until is None
    assert mint.next_attempt_at is not None
    assert mint.next_attempt_at > timezone.now()
    monkeypatch.undo()
    ready.until(lambda: {status(first), status(second)} == {"COMPLETED"})


def test_rows_that_cannot_be_recorded_together_are_looked_at_alone(ready, monkeypatch):
    order = ready.order("1")
    ready.tick()

    def refuse(**_):
        raise InsufficientShares

    monkeypatch.setattr(services, "record_inclusions", refuse)
    monkeypatch.setattr(services, "look_again_later", refuse)
    monkeypatch.setattr(services, "settle_mints", refuse)
    ready.until(lambda: status(order) == "COMPLETED")


def test_an_order_whose_check_cannot_be_written_waits_and_the_others_are_checked(
    ready, monkeypatch
):
    orders = [ready.order("1"), ready.order("2")]
    for order in orders:
        services.doubt_order(order_id=order.pk, now=timezone.now())
    poisoned = min(orders, key=lambda order: order.pk)
    requeue = services.requeue_checked

    def refuse(*, order_id, **rest):
        if order_id == poisoned.pk:
            raise InsufficientShares
        return requeue(order_id=order_id, **rest)

    monkeypatch.setattr(services, "requeue_checked", refuse)
    assert check.check_due(world=ready.world, now=timezone.now()) == 1
    assert status(poisoned) == "CHECKING"


def test_an_order_that_the_ledger_refuses_waits_alone_and_the_others_of_its_batch_are_minted(
    ready, monkeypatch
):
    orders = [ready.order("1") for _ in range(5)]
    poisoned, others = orders[2], [*orders[:2], *orders[3:]]
    back_many = postings.back_many

    def refuse(*, orders, **rest):
        if poisoned.pk in {order.pk for order in orders}:
            raise InsufficientShares
        back_many(orders=orders, **rest)

    monkeypatch.setattr(postings, "back_many", refuse)
    ready.until(lambda: {status(order) for order in others} == {"COMPLETED"})
    assert status(poisoned) == "QUEUED"
    monkeypatch.setattr(postings, "back_many", back_many)
    ready.until(lambda: status(poisoned) == "COMPLETED")
