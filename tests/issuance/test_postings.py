"""The postings of a batch of orders: every lock before the first of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections, transaction

from custody.models import LedgerAccount
from custody.states import Bucket
from issuance.services import postings
from issuance.states import OrderType
from tests.issuance import paper as papers

pytestmark = pytest.mark.django_db(transaction=True)


def is_free(bucket):
    """Whether another connection could lock the bucket at this instant."""
    try:
        with transaction.atomic():
            list(LedgerAccount.objects.filter(bucket=bucket).select_for_update(nowait=True))
    except DatabaseError:
        return False
    finally:
        connections.close_all()
    return True


def held_by(order):
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        postings.lock(orders=[order])
        return {
            bucket
            for bucket in (Bucket.EXTERNAL, Bucket.FREE, Bucket.BACKING)
            if not pool.submit(is_free, bucket).result()
        }


def test_a_batch_of_burns_holds_the_outside_bucket_before_it_may_open_others():
    paper = papers.build()
    redeem = paper.order("10", OrderType.REDEEM)
    assert held_by(redeem) == {Bucket.EXTERNAL, Bucket.FREE, Bucket.BACKING}


def test_a_batch_of_mints_leaves_the_outside_bucket_to_deposits():
    paper = papers.build()
    assert held_by(paper.order("10")) == {Bucket.FREE, Bucket.BACKING}
