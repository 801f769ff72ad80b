"""Invariants: quiet books pass, and each planted difference is named and halts."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DataError, OperationalError, connection
from django.utils import timezone

from core.errors import HaltActive
from core.ids import new_uuid
from core.models import Breaker
from custody.models import Attestation
from issuance import invariants, queries, services
from issuance.models import Order, SupplySnapshot, Trouble
from issuance.services import troubles
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


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda: int("nobody foresaw it"), id="our code"),
        pytest.param(lambda: connection.cursor().execute("SELECT 1 / 0"), id="the database"),
    ],
)
def test_a_check_that_meets_a_fault_keeps_no_other_check_from_halting(
    paper, fault, monkeypatch, faults
):
    see(paper, 10**18)

    def fail(*_, **__):
        fault()

    monkeypatch.setattr(invariants, "_check_caps", fail)
    monkeypatch.setattr(invariants, "_check_lane", fail)
    (found,) = invariants.enforce(now=timezone.now())
    assert found.name == "supply_is_completed_orders"
    assert Breaker.objects.get().name == queries.token_breaker(paper.token)
    seen = {(each.work, each.network, each.subject, each.code) for each in Trouble.objects.all()}
    network = paper.token.network
    assert seen == {
        ("audit", network, paper.token.symbol, "internal_error"),
        ("audit", network, "", "internal_error"),
    }
    with pytest.raises((ValueError, DataError)):
        invariants.check_all()
    assert faults
    faults.clear()


def test_a_fault_that_cannot_be_written_down_keeps_no_breaker_closed(paper, monkeypatch, faults):
    see(paper, 10**18)

    def fail(*_, **__):
        raise KeyError

    monkeypatch.setattr(invariants, "_check_caps", fail)
    monkeypatch.setattr(troubles, "record_trouble", fail)
    with pytest.raises(KeyError):
        invariants.enforce(now=timezone.now())
    assert Breaker.objects.get().name == queries.token_breaker(paper.token)
    assert faults
    faults.clear()


def test_a_breaker_that_cannot_be_opened_keeps_no_other_one_closed(paper, monkeypatch, faults):
    see(paper, 10**18)
    other = papers.register(paper.fund, network="far", chain_id=5)
    see(replace(paper, token=other), 10**18)
    trip = services.trip

    def fail(*, name, **rest):
        if name == queries.token_breaker(paper.token):
            raise KeyError
        trip(name=name, **rest)

    monkeypatch.setattr(services, "trip", fail)
    assert len(invariants.enforce(now=timezone.now())) == 2
    assert Breaker.objects.get().name == queries.token_breaker(other)
    assert faults
    faults.clear()


@pytest.mark.usefixtures("paper")
def test_a_database_that_is_away_is_no_fault_of_a_check(monkeypatch):
    def fail(*_, **__):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(invariants, "_check_caps", fail)
    with pytest.raises(OperationalError):
        invariants.enforce(now=timezone.now())
    assert not Trouble.objects.exists()


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
