"""A look that did not know every signed form proves no death, however long its worker stood still."""

from datetime import timedelta

import pytest
from django.utils import timezone

from issuance import services
from issuance.chain import types as chain
from issuance.chain.standards import Execution
from issuance.models import Attempt, ChainTransaction, Order, TokenLog
from issuance.pipeline import doubts
from issuance.services.forms import SignedForm
from issuance.services.outcomes import FinalEvidence
from issuance.states import ChainTransactionKind, ChainTransactionStatus
from tests.issuance import paper as papers

pytestmark = pytest.mark.django_db
FEES = chain.Fees(max_fee=10, tip=1)


def signed_for(paper):
    order = paper.order("10")
    services.assign_orders(
        token_id=order.token_id,
        kind=ChainTransactionKind.MINT,
        order_ids=[order.pk],
        signer_id=papers.issuing_signer(order.token).pk,
        gas=100_000,
        now=timezone.now(),
    )
    order.refresh_from_db()
    return order, ChainTransaction.objects.get()


def save(row, *, after):
    tx_hash = f"0x{after + 1:064x}"
    signed = chain.SignedTransaction(
        raw=bytes([after + 1]), hash=tx_hash, sender=row.signer.address, nonce=row.nonce
    )
    form = SignedForm(chain_transaction_id=row.pk, signed=signed, fees=FEES, after=after)
    services.save_attempts(forms=[form], now=timezone.now())
    return tx_hash


def bury(row, looked_for):
    evidence = FinalEvidence(
        status=ChainTransactionStatus.DEAD, looked_for=frozenset(looked_for), note="gone"
    )
    return services.settle_transaction(
        chain_transaction_id=row.pk, evidence=evidence, now=timezone.now()
    )


def test_a_form_that_was_saved_after_the_look_keeps_the_transaction_alive():
    order, row = signed_for(papers.build())
    first = save(row, after=0)
    dearer = save(row, after=1)
    assert not bury(row, [first])
    order.refresh_from_db()
    row.refresh_from_db()
    assert (order.status, row.status) == ("SUBMITTED", "ASSIGNED")
    assert bury(row, [first, dearer])
    assert Order.objects.get(pk=order.pk).status == "CHECKING"


def test_an_order_that_the_record_shows_as_carried_out_is_never_proven_not_to_have_been():
    paper = papers.build()
    order, row = signed_for(paper)
    assert bury(row, [save(row, after=0)])
    ChainTransaction.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert doubts.was_executed(Order.objects.get(pk=order.pk)) is Execution.NO
    TokenLog.objects.create(
        token=paper.token,
        order=order,
        kind="ORDER_MINTED",
        account=order.wallet.address,
        quantity=order.quantity,
        onchain_id=order.onchain_id,
        block=5,
        block_hash="0x5",
        tx_hash="0xaa",
        log_index=0,
    )
    assert doubts.was_executed(Order.objects.get(pk=order.pk)) is Execution.YES


def test_an_answer_that_comes_after_the_end_does_not_make_the_transaction_due_again():
    """Its bytes were under way while another worker wrote its proven end."""
    _, row = signed_for(papers.build())
    tx_hash = save(row, after=0)
    assert bury(row, [tx_hash])
    now = timezone.now()
    services.record_broadcasts(
        ids=[row.pk],
        answers={tx_hash: chain.SendAnswer(chain.SendKind.ACCEPTED)},
        look_in=timedelta(seconds=1),
        now=now,
    )
    row.refresh_from_db()
    assert (row.status, row.next_attempt_at, row.sent_at) == ("DEAD", None, None)
    assert Attempt.objects.get().last_sent_at == now
