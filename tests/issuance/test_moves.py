"""A move between chains: its burn hands the very shares to its mint, whatever ends either leg."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.ids import new_uuid
from core.models import Event
from custody import ledger
from custody import queries as custody_queries
from custody.models import LedgerTransfer
from custody.services import freeze_fund
from issuance import queries, services
from issuance.invariants import check_all
from issuance.models import Move, Order, Signer
from issuance.pipeline import moves as pipeline
from issuance.states import ChainTransactionKind, OrderType, SignerRole
from kyc.models import Investor, Wallet
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import CLIENT, OPERATOR, settle
from tests.issuance.test_moves_api import build

pytestmark = pytest.mark.django_db
ONE = 10**18


@pytest.fixture
def ground():
    return build()


def start(ground, qty="10"):
    """A move whose tokens are in escrow; returns its burn."""
    taken = ground.take(qty=qty)
    return papers.escrow(Order.objects.get(client_order_id=f"{taken['id']}:burn"))


def mint_leg(burn):
    return Order.objects.get(move_id=burn.move_id, type=OrderType.MINT)


def sign(order):
    """What the pipeline does once it has simulated the order."""
    kind = ChainTransactionKind.BURN
    if order.type == OrderType.MINT:
        kind = ChainTransactionKind.MINT
    signer = Signer.objects.get(chain_id=order.token.chain_id, role=SignerRole.ISSUER)
    row = services.assign_orders(
        token_id=order.token_id,
        kind=kind,
        order_ids=[order.pk],
        signer_id=signer.pk,
        gas=100_000,
        now=timezone.now(),
    )
    order.refresh_from_db()
    return row


def conclude():
    pipeline.conclude_due(now=timezone.now())
    return Move.objects.get()


def position(ground):
    held = custody_queries.position(ground.paper.fund.pk)
    return held.free // ONE, held.reserved // ONE, held.backing // ONE


@pytest.mark.django_db(transaction=True)
def test_the_shares_of_a_final_burn_are_reserved_for_its_mint_and_never_free(ground):
    burn = papers.happen(start(ground))
    leg = mint_leg(burn)
    assert (leg.status, leg.quantity, leg.token_id) == ("QUEUED", 10 * ONE, ground.far.pk)
    assert (leg.wallet_id, leg.next_attempt_at is not None) == (ground.far_wallet.pk, True)
    assert position(ground) == (900, 10, 90)
    moved = LedgerTransfer.objects.filter(cause=f"order:{burn.pk}").get()
    assert (moved.kind, moved.source.bucket, moved.destination.bucket) == (
        "MOVE",
        "BACKING",
        "RESERVED",
    )
    assert Move.objects.get().status == "MINTING"
    assert check_all() == []


@pytest.mark.django_db(transaction=True)
def test_a_move_completes_when_its_mint_is_final(ground):
    leg = mint_leg(papers.happen(start(ground)))
    assert not services.conclude_move(move_id=leg.move_id, now=timezone.now())
    papers.happen(leg)
    assert conclude().status == "COMPLETED"
    assert custody_queries.backing(ground.far.pk) == 10 * ONE
    assert custody_queries.backing(ground.paper.token.pk) == 90 * ONE
    assert pipeline.conclude_due(now=timezone.now()) == 0
    shown = ground.paper.api.get(f"/v1/moves/{Move.objects.get().public_id}").json()
    assert shown["status"] == "completed"
    assert [each["type"] for each in shown["legs"]] == ["redeem", "mint"]
    assert check_all() == []


def test_the_events_of_a_move_tell_its_story_in_order(ground):
    papers.happen(mint_leg(papers.happen(start(ground))))
    conclude()
    events = Event.objects.filter(institution=ground.paper.institution).order_by("sequence")
    told = list(events.values_list("type", flat=True))
    assert told[told.index("move.created") :] == [
        "move.created",
        "order.created",
        "order.in_escrow",
        "order.queued",
        "order.checking",
        "order.completed",
        "move.minting",
        "order.created",
        "order.checking",
        "order.completed",
        "move.completed",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_mint_that_kyc_refuses_after_the_burn_frees_the_shares_and_says_why(ground):
    leg = mint_leg(papers.happen(start(ground)))
    Investor.objects.update(kyc_expires_at=timezone.now() - timedelta(seconds=1))
    assert sign(leg) is None
    move = conclude()
    assert (move.status, move.reason_code) == ("FAILED", "kyc_expired")
    assert position(ground) == (910, 0, 90)
    assert check_all() == []


def test_a_revoked_target_wallet_after_the_burn_frees_the_shares_and_says_why(ground):
    leg = mint_leg(papers.happen(start(ground)))
    Wallet.objects.filter(pk=ground.far_wallet.pk).update(status="REVOKED")
    assert sign(leg) is None
    assert (conclude().status, conclude().reason_code) == ("FAILED", "wallet_not_proved")
    assert position(ground) == (910, 0, 90)


def test_nothing_is_burned_that_could_not_be_minted_at_that_instant(ground):
    burn = start(ground)
    Wallet.objects.filter(pk=ground.far_wallet.pk).update(status="REVOKED")
    assert sign(burn) is None
    assert (burn.status, burn.reason_code) == ("AWAITING_APPROVAL", "wallet_not_proved")
    services.reject_order(order_id=burn.pk, actor=OPERATOR, reason="no wallet", now=timezone.now())
    burn.refresh_from_db()
    assert burn.status == "RETURNING"
    assert conclude().status == "BURNING"
    assert position(ground) == (900, 0, 100)


def test_a_queued_mint_can_be_called_off_and_its_shares_are_free(ground):
    leg = mint_leg(papers.happen(start(ground)))
    services.cancel_order(
        institution_id=ground.paper.institution.pk,
        order_id=leg.pk,
        actor=CLIENT,
        now=timezone.now(),
    )
    move = conclude()
    assert (move.status, move.reason_code) == ("FAILED", "cancelled_by_institution")
    assert position(ground) == (910, 0, 90)


def test_a_burn_that_settles_during_a_freeze_keeps_its_shares_reserved(ground):
    burn = start(ground)
    freeze_fund(fund_id=ground.paper.fund.pk, reason="count", actor=OPERATOR, now=timezone.now())
    papers.happen(burn)
    assert position(ground) == (900, 10, 90)
    with pytest.raises(ledger.LedgerHalted):
        sign(mint_leg(burn))
    assert mint_leg(burn).status == "QUEUED"


def test_whoever_approved_the_burn_approved_the_move(ground, settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 5 * ONE
    burn = start(ground)
    services.approve_order(order_id=burn.pk, actor=OPERATOR, reason="seen", now=timezone.now())
    burn.refresh_from_db()
    leg = mint_leg(papers.happen(burn))
    assert (leg.status, leg.approved_by) == ("QUEUED", str(OPERATOR))
    assert sign(leg) is not None
    assert leg.status == "SUBMITTED"


@pytest.mark.django_db(transaction=True)
def test_a_burn_backed_on_two_custody_accounts_gets_a_mint_for_each(ground):
    second = custody_rows.make_account(ground.paper.account.custodian, label="Second")
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=ground.paper.fund, custody_account=second)
    # What is left on the first account is too little, so the mint takes its shares here.
    settle(ground.paper.fund, second, ground.paper.investor, "2000")
    papers.mint(ground.paper, "1500")
    burn = papers.happen(start(ground, "1550"))
    assert burn.move_id is not None
    legs = Order.objects.filter(move_id=burn.move_id, type=OrderType.MINT).order_by("quantity")
    assert [leg.quantity // ONE for leg in legs] == [100, 1450]
    for leg in legs:
        papers.happen(leg)
    assert conclude().status == "COMPLETED"
    assert custody_queries.backing(ground.far.pk) == 1550 * ONE
    assert check_all() == []


@pytest.mark.django_db(transaction=True)
def test_one_mint_of_two_that_fails_fails_the_move(ground):
    second = custody_rows.make_account(ground.paper.account.custodian, label="Second")
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=ground.paper.fund, custody_account=second)
    settle(ground.paper.fund, second, ground.paper.investor, "2000")
    papers.mint(ground.paper, "1500")
    burn = papers.happen(start(ground, "1550"))
    assert burn.move_id is not None
    small, large = Order.objects.filter(move_id=burn.move_id, type="MINT").order_by("quantity")
    papers.happen(large)
    services.cancel_order(
        institution_id=ground.paper.institution.pk,
        order_id=small.pk,
        actor=CLIENT,
        now=timezone.now(),
    )
    assert conclude().status == "FAILED"
    assert custody_queries.backing(ground.far.pk) == 1450 * ONE
    assert check_all() == []


def test_an_ordinary_redemption_still_frees_its_shares(ground):
    order = papers.happen(papers.escrow(ground.paper.order("10", OrderType.REDEEM)))
    assert order.status == "COMPLETED"
    assert position(ground) == (910, 0, 90)


def test_the_database_holds_the_terms_and_states_of_a_move(ground):
    papers.happen(start(ground))
    row = Move.objects.get()
    changes: list[dict[str, Any]] = [
        {"quantity": 1},
        {"client_move_id": "x"},
        {"to_token_id": row.from_token_id},
    ]
    forbidden: list[dict[str, Any]] = [
        {"status": "BURNING"},
        {"status": "CANCELLED", "ended_at": timezone.now()},
    ]
    for wrong in itertools.chain(changes, forbidden):
        with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
            Move.objects.filter(pk=row.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Order.objects.filter(move=row).update(move=None)
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Move.objects.filter(pk=row.pk).delete()


def test_a_second_burn_or_mint_of_one_move_is_refused_by_the_database(ground):
    burn = papers.happen(start(ground))
    for leg in (burn, mint_leg(burn)):
        twin = Order.objects.get(pk=leg.pk)
        twin.pk, twin.client_order_id = new_uuid(), "twin"
        twin.onchain_id = queries.next_onchain_id(token_id=leg.token_id)
        with (
            pytest.raises(IntegrityError, match="order_leg_once"),
            transaction.atomic(savepoint=True),
        ):
            twin.save(force_insert=True)
