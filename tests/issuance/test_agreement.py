"""Two witnesses: a receipt settles when the follower has read the same events in the same block."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker
from issuance import queries
from issuance.chain import types as chain
from issuance.models import ChainCursor, ChainTransaction, TokenLog, VanishedLog
from issuance.services.agreement import PATIENCE, Agreement, agrees, judge
from tests.issuance import paper as papers

pytestmark = pytest.mark.django_db

BLOCK, TX = f"0x{'ab' * 32}", f"0x{'cd' * 32}"


@pytest.fixture
def paper():
    paper = papers.build()
    ChainCursor.objects.update(block=10)
    return paper


def log(paper, index=0, *, block_hash=BLOCK, address=""):
    return chain.Log(
        address=address or paper.token.address,
        topics=(),
        data=b"",
        block_number=9,
        block_hash=block_hash,
        tx_hash=TX,
        index=index,
    )


def receipt(*logs, block=9, succeeded=True):
    return chain.Receipt(
        tx_hash=TX,
        block_number=block,
        block_hash=BLOCK,
        succeeded=succeeded,
        gas_used=1,
        gas_price=1,
        contract_address=None,
        logs=logs,
    )


def record(paper, index=0, *, kind="TRANSFERRED", block_hash=BLOCK):
    return TokenLog.objects.create(
        token=paper.token,
        block=9,
        block_hash=block_hash,
        tx_hash=TX,
        log_index=index,
        kind=kind,
    )


def verdict(paper, found):
    judged = judge(token_id=paper.token.pk, address=paper.token.address, receipts=[found])
    return judged[TX]


def test_the_same_logs_in_the_same_block_agree(paper):
    record(paper, 0)
    record(paper, 1)
    foreign = log(paper, 7, address="0x" + "11" * 20)
    assert verdict(paper, receipt(log(paper, 0), log(paper, 1), foreign)) is Agreement.AGREES


def test_two_meanings_of_one_log_are_one_place(paper):
    record(paper, 0)
    record(paper, 0, kind="ORDER_MINTED")
    assert verdict(paper, receipt(log(paper, 0))) is Agreement.AGREES


def test_a_block_the_follower_has_not_read_is_waited_for(paper):
    assert verdict(paper, receipt(log(paper), block=11)) is Agreement.WAITS


def test_an_event_that_only_the_receipt_knows_differs(paper):
    record(paper, 0)
    assert verdict(paper, receipt(log(paper, 0), log(paper, 1))) is Agreement.DIFFERS


def test_an_event_that_only_the_record_knows_differs(paper):
    """Such as a receipt that claims to have failed."""
    record(paper, 0)
    assert verdict(paper, receipt(succeeded=False)) is Agreement.DIFFERS


def test_the_same_place_in_another_block_differs(paper):
    record(paper, 0, block_hash=f"0x{'ee' * 32}")
    assert verdict(paper, receipt(log(paper, 0))) is Agreement.DIFFERS


def test_an_event_that_vanished_counts_no_more_until_it_is_back(paper):
    mark = VanishedLog.objects.create(log=record(paper), seen_at=timezone.now())
    assert verdict(paper, receipt(log(paper))) is Agreement.DIFFERS
    VanishedLog.objects.filter(pk=mark.pk).update(back_at=timezone.now())
    assert verdict(paper, receipt(log(paper))) is Agreement.AGREES


def test_many_receipts_cost_two_queries(paper, django_assert_num_queries):
    with django_assert_num_queries(2):
        judge(
            token_id=paper.token.pk,
            address=paper.token.address,
            receipts=[receipt(log(paper, n)) for n in range(50)],
        )


def test_a_contradiction_waits_then_halts_the_token_and_nothing_settles(paper):
    row = ChainTransaction.objects.create(
        created_at=timezone.now(),
        signer=papers.issuing_signer(paper.token),
        token=paper.token,
        kind="MINT",
        nonce=0,
        to_address=paper.token.address,
        calldata=b"",
        gas_limit=1,
    )
    name, now = queries.token_breaker(paper.token), timezone.now()
    for late, is_halted in ((timedelta(0), False), (PATIENCE / 2, False), (PATIENCE, True)):
        row.refresh_from_db()
        assert not agrees(row, receipt=receipt(log(paper)), now=now + late)
        assert Breaker.objects.filter(name=name, status="OPEN").exists() == is_halted
    record(paper)
    row.refresh_from_db()
    assert agrees(row, receipt=receipt(log(paper)), now=now)
    row.refresh_from_db()
    assert row.disagreed_since is None
