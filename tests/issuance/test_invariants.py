"""Invariants: quiet books pass, and each planted difference is named and halts."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from core.errors import HaltActive
from core.models import Breaker
from issuance import invariants, queries
from issuance.models import SupplySnapshot
from tests.issuance import paper as papers
from tests.issuance.test_states import make_transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paper():
    return papers.build()


def names():
    return {each.name for each in invariants.check_all()}


def see(paper, supply):
    SupplySnapshot.objects.create(
        token=paper.token,
        block=5,
        block_hash="0x5",
        supply=supply,
        cap=10**24,
        settled=10**21,
        taken_at=timezone.now(),
    )


def test_quiet_books_pass(paper):
    paper.order()
    see(paper, 0)
    assert invariants.check_all() == []
    said = StringIO()
    call_command("check_invariants", stdout=said)
    assert json.loads(said.getvalue()) == []


def test_supply_that_no_order_explains_halts_the_token(paper):
    see(paper, 10**18)
    assert names() == {"supply_is_completed_orders"}
    invariants.enforce(now=timezone.now())
    assert Breaker.objects.get().name == queries.token_breaker(paper.token)
    with pytest.raises(HaltActive):
        paper.order()


def test_supply_above_settled_shares_is_named(paper):
    see(paper, 1001 * 10**18)
    assert "supply_within_settled" in names()


def test_a_gap_in_the_nonces_is_named_and_the_command_fails(paper):
    signer = papers.issuing_signer(paper.token)
    for nonce in (0, 2):
        make_transaction(paper.token, nonce=nonce)
    signer.next_nonce = 2
    signer.save()
    assert names() == {"nonces_rise", "nonces_have_no_gap"}
    with pytest.raises(CommandError):
        call_command("check_invariants", stdout=StringIO())
