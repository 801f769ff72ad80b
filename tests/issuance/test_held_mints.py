"""A mint that has its nonce when its token or its fund is halted: not signed, and in nobody's way."""

from dataclasses import replace

import pytest
from django.utils import timezone

from core.errors import HaltActive
from core.units import parse_quantity
from custody import queries as custody_queries
from custody import services as custody_services
from custody.providers.custodian import AttestationRequest
from issuance import queries, services
from issuance.invariants import check_all
from issuance.models import Attempt, ChainTransaction, Order, Signer, Token
from issuance.pipeline import advance, sign
from issuance.services import lanes
from issuance.states import OrderType
from tests.issuance import paper as papers
from tests.issuance.stage import COLLEAGUE, OPERATOR, sign_figure
from tests.issuance.test_assignment import sign_for
from tests.issuance.test_sign import FEES, Meddler, Node, key_of, world_with


@pytest.fixture
def paper(transactional_db):  # noqa: ARG001 - asked for its effect
    paper = papers.build()
    Signer.objects.filter(role="ISSUER").update(address=key_of(paper).address)
    return paper


def numbered(paper, count):
    ids = [sign_for(paper.order()).pk for _ in range(count)]
    rows = ChainTransaction.objects.select_related("token__fund", "signer").filter(pk__in=ids)
    return list(rows.order_by("nonce"))


def freeze(fund):
    custody_services.freeze_fund(
        fund_id=fund.pk, reason="doubt", actor=OPERATOR, now=timezone.now()
    )


def thaw(fund):
    custody_services.propose_thaw(fund_id=fund.pk, actor=OPERATOR, now=timezone.now())
    custody_services.thaw_fund(fund_id=fund.pk, actor=COLLEAGUE, now=timezone.now())


def close(fund):
    custody_services.close_fund(
        fund_id=fund.pk, reason="liquidated", actor=OPERATOR, now=timezone.now()
    )


def halt(token):
    services.trip(name=queries.token_breaker(token), reason="doubt", now=timezone.now())


def mint_row():
    return ChainTransaction.objects.filter(kind="MINT").latest("created_at")


def status(order):
    return Order.objects.get(pk=order.pk).status


def send(rows, key, node):
    sign.sign_and_send_many(rows=rows, world=world_with(node, key), now=timezone.now(), fees=FEES)


STOPS = pytest.mark.parametrize(
    "stop",
    [
        lambda paper: freeze(paper.fund),
        lambda paper: close(paper.fund),
        lambda paper: halt(paper.token),
    ],
    ids=["frozen fund", "closed fund", "halted token"],
)


@STOPS
@pytest.mark.parametrize("count", [1, 2], ids=["alone", "together"])
def test_a_numbered_mint_is_not_signed_after_a_halt_and_its_key_not_asked(paper, stop, count):
    rows, key, node = numbered(paper, count), Meddler(key_of(paper), lambda: None), Node()
    stop(paper)
    send(rows, key, node)
    assert (key.asked, Attempt.objects.count(), node.got) == (0, 0, [])


@STOPS
def test_mints_that_were_being_signed_at_the_halt_are_thrown_away(paper, stop):
    rows, node = numbered(paper, 2), Node()
    key: Meddler = Meddler(key_of(paper), lambda: stop(paper) if key.asked == 1 else None)
    send(rows, key, node)
    assert (key.asked, Attempt.objects.count(), node.got) == (2, 0, [])


def test_a_frozen_fund_keeps_no_other_call_from_its_signature(paper):
    (row,) = numbered(paper, 1)
    freeze(paper.fund)
    with pytest.raises(HaltActive) as refusal:
        lanes.require_signable(row)
    assert refusal.value.extra["breaker"] == "fund:IBIT"
    for kind in ("BURN", "CANCEL_REDEEM", "REGISTER", "FREEZE", "FILL"):
        row.kind = kind
        lanes.require_signable(row)


def test_the_question_for_many_rows_is_asked_once(paper, django_assert_num_queries):
    rows = numbered(paper, 5)
    with django_assert_num_queries(2):
        lanes.require_signable(*rows)


# --- what waits behind it --------------------------------------------------------------------------


class Killed(BaseException):
    """As a signal would end the worker: nobody catches it."""


def dying(stage):
    """The world of a worker that is killed before it has signed anything of the token."""

    class Dying:
        def __init__(self, key):
            self.key, self.address, self.require = key, key.address, key.require

        def sign(self, unsigned):
            raise Killed

    known = stage.world.key_for
    return replace(stage.world, key_for=lambda address: Dying(known(address)))


def held_mint(stage, quantity):
    """An order whose transaction has a nonce and no signature."""
    order = stage.order(quantity)
    sound, stage.world = stage.world, dying(stage)
    with pytest.raises(Killed):
        stage.tick()
    stage.world = sound
    return order, mint_row()


def escrowed(stage, quantity):
    """A redemption whose tokens are on their way into escrow."""
    order = stage.order(quantity, OrderType.REDEEM)
    stage.holder_key.request_redeem(
        stage.node,
        contract=stage.token.address,
        order_id=order.onchain_id,
        amount=order.quantity,
    )
    return order


def test_a_frozen_funds_held_mint_makes_way_for_a_burn_and_waits_for_the_thaw(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    first = ready.order("10")
    ready.until(lambda: status(first) == "COMPLETED")
    order, row = held_mint(ready, "5")
    freeze(ready.fund)
    ready.hurry()
    ready.tick()
    row.refresh_from_db()
    assert (row.cancel_asked_at, row.last_note) == (None, "halt_active: fund:IBIT is halted.")
    leaving = escrowed(ready, "4")
    ready.until(lambda: status(leaving) == "COMPLETED")
    row.refresh_from_db()
    assert (row.status, row.cancelled_by) == ("DEAD", "system:issuance.pipeline")
    ready.until(lambda: status(order) == "QUEUED")
    ready.tick(blocks=1)
    assert (status(order), Order.objects.get(pk=order.pk).requeues) == ("QUEUED", 1)
    assert custody_queries.backing(ready.token.pk) == parse_quantity("11")
    thaw(ready.fund)
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == parse_quantity("11")
    assert check_all() == []


def test_a_halted_tokens_held_mint_makes_way_for_a_cap_that_falls(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    _, row = held_mint(ready, "5")
    halt(ready.token)
    ready.hurry()
    ready.tick()
    row.refresh_from_db()
    assert row.cancel_asked_at is None
    lowered = lower_cap(ready, "900")
    ready.until(lambda: ChainTransaction.objects.get(pk=lowered.pk).status == "FINAL_OK")
    row.refresh_from_db()
    assert (row.status, row.cancelled_by) == ("DEAD", "system:issuance.pipeline")
    assert Token.objects.get(pk=ready.token.pk).attested_units == parse_quantity("900")


def lower_cap(stage, shares):
    """The next nonce of the issuing key, for a figure below the one on chain."""
    token, now = stage.token, timezone.now()
    request = AttestationRequest(
        isin=custody_queries.isin_of(fund_id=token.fund_id, on=now.date()),
        chain_id=token.chain_id,
        contract=token.address,
        token_name=token.name,
        shares=parse_quantity(shares),
    )
    stage.anvil.increase_time(1)  # figures are told apart by their second
    figure = services.record_attestation(
        token_id=token.pk, figure=sign_figure(stage.attestor, stage.node, request), now=now
    )
    row = services.assign_attestation(
        token_id=token.pk,
        attestation_id=figure.pk,
        signer_id=papers.issuing_signer(token).pk,
        gas=200_000,
        now=now,
    )
    assert row is not None
    return row


def test_a_held_mint_that_only_mints_of_its_fund_wait_behind_keeps_its_nonce(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    _, row = held_mint(ready, "5")
    ready.order("6")
    ready.tick()
    assert mint_row().nonce == row.nonce + 1
    freeze(ready.fund)
    for _ in range(2):
        ready.hurry()
        advance.advance_due(world=ready.world, clock=timezone.now)
    row.refresh_from_db()
    assert row.cancel_asked_at is None
