"""The figures of signing and of nonces are made by the product's own paths."""

import pytest

from bench import nonces, signing
from issuance.invariants import check_all
from issuance.models import ChainTransaction
from tests.issuance import paper as papers


def test_the_signing_rate_stands_beside_its_peer_and_its_limit():
    (row,) = signing.measure(rounds=1, round_seconds=0.05)
    assert row.value > 100
    assert row.limit_value > row.value
    assert row.peer_value > 0


@pytest.mark.django_db(transaction=True)
def test_allocated_nonces_have_no_gap_and_leave_the_lane_free():
    paper = papers.build()
    (row,) = nonces.measure(token=paper.token, rounds=1, round_seconds=0.2)
    assert row.limit_value > row.value > 0
    given = list(ChainTransaction.objects.order_by("nonce").values_list("nonce", flat=True))
    assert given == list(range(len(given)))
    assert papers.issuing_signer(paper.token).next_nonce == len(given)
    assert [each.name for each in check_all()] == []
