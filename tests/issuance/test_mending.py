"""What a person may do about stuck work: a dearer form at once, another look, another try; no more."""

from typing import Any

import pytest
from django.utils import timezone

from core.errors import NotFound, StateConflict
from core.ids import new_uuid
from core.models import Event
from issuance import services
from issuance.models import Attempt, ChainTransaction, Holder, Order
from tests.issuance.stage import OPERATOR


def hurry(row):
    return services.hurry_transaction(
        chain_transaction_id=row.pk, reason="case 3", actor=OPERATOR, now=timezone.now()
    )


def test_a_hurried_call_gets_one_dearer_form_at_its_nonce_and_happens_once(ready):
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = ChainTransaction.objects.get(kind="MINT")
    ready.hurry()
    ready.tick()
    assert Attempt.objects.filter(chain_transaction=row).count() == 1
    hurry(row)
    for _ in range(3):
        ready.hurry()
        ready.tick()
    first, second = Attempt.objects.filter(chain_transaction=row).order_by("sequence")
    assert second.max_fee_wei * 8 >= first.max_fee_wei * 9
    ready.anvil.automine(on=True)
    ready.until(lambda: Order.objects.get(pk=order.pk).status == "COMPLETED")
    assert ready.reader.supply() == order.quantity
    assert Event.objects.filter(type="chain_transaction.hurried", object_id=row.pk).count() == 1
    with pytest.raises(StateConflict):
        hurry(row)
    with pytest.raises(StateConflict):
        services.look_again(chain_transaction_id=row.pk, actor=OPERATOR, now=timezone.now())


def test_what_an_operator_says_about_a_call_stays_with_the_issuer(ready):
    """An institution's own order is in it; the words are for the issuer's people."""
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    row = ChainTransaction.objects.get(kind="MINT")
    words: dict[str, Any] = {
        "actor": OPERATOR,
        "now": timezone.now(),
        "reason": "waits since case 3",
    }
    services.hurry_transaction(chain_transaction_id=row.pk, **words)
    services.cancel_transaction(chain_transaction_id=row.pk, **words)
    services.halt_signer(signer_id=row.signer_id, **words)
    said = [event for event in Event.objects.all() if b"case 3" in bytes(event.body)]
    assert [event.type for event in said][:1] == ["chain_transaction.hurried"]
    assert {event.institution_id for event in said} == {None}
    assert Event.objects.filter(institution_id__isnull=False).exists()


def test_another_look_is_due_at_once(ready):
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    row, now = ChainTransaction.objects.get(kind="MINT"), timezone.now()
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > now
    services.look_again(chain_transaction_id=row.pk, actor=OPERATOR, now=now)
    row.refresh_from_db()
    assert row.next_attempt_at == now


def test_only_a_failed_register_entry_is_written_again(ready):
    holder = Holder.objects.get()
    with pytest.raises(StateConflict):
        services.retry_holder(holder_id=holder.pk, actor=OPERATOR, now=timezone.now())
    Holder.objects.filter(pk=holder.pk).update(status="FAILED")
    services.retry_holder(holder_id=holder.pk, actor=OPERATOR, now=timezone.now())
    ready.until(lambda: Holder.objects.get().status == "REGISTERED")


@pytest.mark.django_db
def test_what_does_not_exist_is_not_found():
    with pytest.raises(NotFound):
        hurry(ChainTransaction(id=new_uuid()))
    with pytest.raises(NotFound):
        services.retry_holder(holder_id=new_uuid(), actor=OPERATOR, now=timezone.now())
