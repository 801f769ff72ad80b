"""A look at the blocks never waits for whoever is writing about the transactions in them."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from issuance import services
from issuance.models import ChainTransaction, Reorg
from tests.issuance import paper as papers
from tests.issuance.test_blocks import Forks, included, is_due, seen_in


@pytest.mark.django_db(transaction=True)
def test_a_reorganisation_is_recorded_while_a_settlement_holds_the_transactions_it_touched():
    """The settlement goes on to the issuer's events, which the look holds: they would deadlock."""
    paper, forks = papers.build(), Forks()
    services.record_blocks(seen=seen_in(forks), now=timezone.now())
    held = included(paper, block=9, block_hash="a-9")
    free = included(paper, block=10, block_hash="a-10")
    forks.fork(9, "b")
    seen, done = seen_in(forks), threading.Event()

    def look():
        try:
            services.record_blocks(seen=seen, now=timezone.now())
            done.set()
        finally:
            connection.close()

    with transaction.atomic(durable=True):
        list(ChainTransaction.objects.select_for_update(no_key=True).filter(pk=held.pk))
        looking = threading.Thread(target=look)
        looking.start()
        is_done = done.wait(timeout=5)
    looking.join(timeout=30)
    assert is_done
    (reorg,) = Reorg.objects.all()
    assert set(reorg.transactions) == {held.public_id, free.public_id}
    assert is_due(free)
    held.refresh_from_db()
    assert held.next_attempt_at - timezone.now() > timedelta(seconds=10), "its worker looks again"
