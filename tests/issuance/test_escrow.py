"""Finalized events: what no living order explains halts the token."""

import pytest
from django.utils import timezone

from core.models import Breaker
from issuance import queries, services
from issuance.chain import types as chain
from issuance.models import ChainCursor, Order
from issuance.services.escrow import FinalizedRange
from tests.issuance import paper as papers
from tests.issuance.stage import CLIENT

pytestmark = pytest.mark.django_db

BLOCK = f"0x{'ab' * 32}"


def record_mint(paper, order):
    """The follower finds a final mint of exactly this order."""
    block = ChainCursor.objects.get(token=paper.token).block + 1
    log = chain.Log(
        address=paper.token.address,
        topics=(),
        data=b"",
        block_number=block,
        block_hash=BLOCK,
        tx_hash=f"0x{'cd' * 32}",
        index=0,
    )
    minted = chain.OrderMinted(
        log=log, order_id=order.onchain_id, account=paper.wallet.address, amount=order.quantity
    )
    head = chain.Head(
        number=block, hash=BLOCK, parent_hash="", timestamp=0, base_fee=1, gas_limit=1
    )
    services.record_logs(
        token_id=paper.token.pk,
        found=FinalizedRange(first_block=block, last=head, events=[minted], reserves=None),
        now=timezone.now(),
    )


def breaker(paper):
    return Breaker.objects.filter(name=queries.token_breaker(paper.token), status="OPEN").first()


def test_a_mint_of_a_living_order_is_expected():
    paper = papers.build()
    record_mint(paper, paper.order())
    assert breaker(paper) is None


def test_a_mint_of_a_cancelled_order_halts_the_token():
    paper = papers.build()
    order = paper.order()
    services.cancel_order(
        institution_id=paper.institution.pk, order_id=order.pk, actor=CLIENT, now=timezone.now()
    )
    record_mint(paper, Order.objects.get(pk=order.pk))
    assert "unexpected ORDER_MINTED" in breaker(paper).reason
