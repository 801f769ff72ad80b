"""Invariants: quiet books pass, and each planted difference is named and halts."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from core.errors import HaltActive
from core.ids import new_uuid
from core.models import Breaker
from custody.models import Attestation
from issuance import invariants, queries
from issuance.models import Order, SupplySnapshot
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.test_moves_api import build
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


def attest(paper, shares):
    now = timezone.now()
    custodian = paper.account.custodian
    Attestation.objects.create(
        created_at=now,
        token_id=paper.token.pk,
        fund=paper.fund,
        custodian=custodian,
        shares=shares,
        as_of=now,
        report="",
        report_hash="0x",
        signature="0x",
        signer_address="0x",
    )


def test_caps_that_could_come_to_exceed_custody_are_named(paper):
    attest(paper, 1000 * 10**18)
    assert names() == set()
    attest(paper, 1001 * 10**18)
    assert names() == {"caps_within_settled"}


def test_caps_that_are_on_their_way_down_are_no_violation(paper):
    attest(paper, 1001 * 10**18)
    attest(paper, 900 * 10**18)
    assert names() == set()


def test_a_move_whose_mints_are_not_what_it_burned_is_named():
    ground = build()
    papers.happen(
        papers.escrow(Order.objects.get(move__client_move_id=ground.take()["client_move_id"]))
    )
    assert names() == set()
    leg = Order.objects.get(type="MINT", move__isnull=False)
    leg.pk, leg.client_order_id, leg.onchain_id = new_uuid(), "twin", 99
    leg.custody_account = custody_rows.make_account(ground.paper.account.custodian, label="Second")
    leg.save(force_insert=True)
    assert "moves_are_whole" in names()
