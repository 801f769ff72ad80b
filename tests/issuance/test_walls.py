"""An error nobody foresaw stays with the piece of work it met, and people see it."""

from datetime import timedelta
from typing import cast

import pytest
from django.db import DataError, OperationalError
from django.utils import timezone

from core.errors import StateConflict
from core.ids import new_uuid
from issuance import services
from issuance.models import (
    ChainCursor,
    ChainTransaction,
    Holder,
    NetworkGate,
    Order,
    Token,
    Trouble,
)
from issuance.pipeline import (
    advance,
    assign,
    blocks,
    check,
    doctor,
    follow,
    holders,
    recover,
    reserves,
    stops,
    watch,
)
from issuance.pipeline import waves as plain
from issuance.pipeline.walls import FAULT, FAULT_WAIT, Piece, Wall, by_halves
from issuance.pipeline.world import World
from issuance.services import assignment, holds, postings, registers
from issuance.services.holds import HoldTerms
from issuance.states import Direction, HoldOwner, HoldReason, Work
from tests.issuance import paper as papers
from tests.issuance.stage import TEST, make_wallet

PIECE = Piece(Work.ASSIGN, "anvil", "sIBIT")
FAR = "far"
NOWHERE = cast("World", None)  # nothing may ask the outside


class Fault(Exception):
    """Raised where nobody expects it."""


def status(order):
    return Order.objects.get(pk=order.pk).status


def work_of(trouble):
    return trouble.work, trouble.network, trouble.subject, trouble.code


# --- each piece of work has its wall ------------------------------------------------------------


@pytest.fixture
def two_networks(transactional_db):  # noqa: ARG001 - asked for its effect
    """A token here and one on another network, as rows."""
    token = papers.build().token
    here = token.network
    token.pk, token.network, token.chain_id = new_uuid(), FAR, 5
    token.save(force_insert=True)
    now = timezone.now()
    ChainCursor.objects.create(token=token, block=0, moved_at=now)
    gate = NetworkGate.objects.get(network=here)
    gate.pk, gate.network = new_uuid(), FAR
    gate.save(force_insert=True)
    return {here, FAR}


WORKS = [
    pytest.param((follow, "_follow_on", "follow_all", "follow"), id="follow"),
    pytest.param((watch, "watch", "watch_networks", "watch"), id="watch"),
    pytest.param((blocks, "_look_at", "look_at_blocks", "look"), id="look"),
    pytest.param((recover, "notice", "recover_due", "recover"), id="recover"),
    pytest.param((reserves, "_request", "request_due", "attest"), id="attest"),
    pytest.param((holders, "_want", "register_due", "register"), id="register"),
    pytest.param((assign, "_claim", "assign_due", "assign"), id="assign"),
    pytest.param((stops, "_enforce_on", "enforce_holds", "hold"), id="hold"),
]


@pytest.fixture(params=WORKS)
def broken(request, monkeypatch):
    """Let one piece of work fail; returns what runs it, how it is called, and where it was tried."""
    module, piece, task, work = request.param
    monkeypatch.setattr(follow, "watch_networks", lambda **_: 0)
    monkeypatch.setattr(follow, "look_at_blocks", lambda **_: 0)
    time = {"clock": timezone.now} if task == "assign_due" else {"now": timezone.now()}
    tried = set()

    def begin(error):
        def fail(*args, **named):
            which = args[0] if args else named["network"]
            tried.add(which if isinstance(which, str) else which.network)
            raise error

        monkeypatch.setattr(module, piece, fail)
        getattr(module, task)(world=None, **time)

    return begin, work, tried


def test_a_fault_with_one_network_keeps_no_other_from_its_turn(two_networks, broken, faults):
    begin, work, tried = broken
    begin(Fault())
    assert tried == two_networks
    assert {(each.work, each.network, each.code) for each in Trouble.objects.all()} == {
        (work, network, FAULT) for network in two_networks
    }
    assert faults
    faults.clear()


@pytest.mark.usefixtures("two_networks")
def test_a_database_that_is_away_passes_every_wall(broken):
    begin, _, tried = broken
    with pytest.raises(OperationalError):
        begin(OperationalError("the server closed the connection"))
    assert len(tried) == 1
    assert not Trouble.objects.exists()


# --- one row among others -----------------------------------------------------------------------


def test_an_order_that_meets_a_fault_waits_alone_and_the_others_of_its_batch_are_minted(
    ready, monkeypatch, faults
):
    orders = [ready.order("1") for _ in range(5)]
    poisoned, others = orders[2], [*orders[:2], *orders[3:]]
    encode = assignment.encode_orders

    def fail(*, kind, orders):
        if poisoned.pk in {order.pk for order in orders}:
            raise KeyError("investor@example.com")
        return encode(kind=kind, orders=orders)

    monkeypatch.setattr(assign, "encode_orders", fail)
    before = timezone.now()
    ready.tick()
    row = Order.objects.get(pk=poisoned.pk)
    assert (row.status, row.reason_code, row.leased_until) == ("QUEUED", FAULT, None)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at >= before + FAULT_WAIT
    trouble = Trouble.objects.get()
    assert work_of(trouble) == ("assign", "anvil", ready.token.symbol, FAULT)
    assert "KeyError at issuance.pipeline" in trouble.note
    assert "investor" not in trouble.note
    found = doctor.examine(
        client=ready.node, nodes=[ready.node], key_for=ready.world.key_for, now=timezone.now()
    )
    assert (FAULT, f"assign {ready.token.symbol}") in [(each.code, each.subject) for each in found]
    ready.until(lambda: {status(order) for order in others} == {"COMPLETED"})
    assert status(poisoned) == "QUEUED"
    monkeypatch.undo()
    ready.until(lambda: status(poisoned) == "COMPLETED")
    assert faults
    faults.clear()


def test_a_fault_of_the_database_in_one_row_is_no_outage(ready, monkeypatch, faults):
    first, second = ready.order("1"), ready.order("1")
    back_many = postings.back_many

    def fail(*, orders, **rest):
        if first.pk in {order.pk for order in orders}:
            raise DataError("value out of range")
        return back_many(orders=orders, **rest)

    monkeypatch.setattr(postings, "back_many", fail)
    ready.until(lambda: status(second) == "COMPLETED")
    assert status(first) == "QUEUED"
    assert faults
    faults.clear()


def test_a_transaction_that_meets_a_fault_waits_with_a_remark_and_the_others_go_on(
    ready, monkeypatch, settings, faults
):
    settings.CHAIN_BATCH_MAX = {"anvil": 1}
    orders = [ready.order("1"), ready.order("1")]
    ready.tick()
    poisoned, other = ChainTransaction.objects.filter(kind="MINT").order_by("nonce")

    def fail_together(**_):
        raise Fault

    step = advance._step

    def fail(row, **rest):
        if row.pk == poisoned.pk:
            raise Fault
        step(row, **rest)

    monkeypatch.setattr(plain, "take", fail_together)
    monkeypatch.setattr(advance, "_step", fail)
    ready.anvil.mine(1)
    ready.hurry()
    now = timezone.now()
    advance.advance_due(world=ready.world, clock=timezone.now)
    poisoned.refresh_from_db()
    other.refresh_from_db()
    assert other.status == "INCLUDED"
    assert poisoned.last_note.startswith(f"{FAULT}: Fault at issuance.pipeline.advance")
    assert poisoned.leased_until is None
    assert poisoned.next_attempt_at is not None
    assert poisoned.next_attempt_at >= now + FAULT_WAIT - timedelta(seconds=1)
    monkeypatch.undo()
    ready.until(lambda: {status(order) for order in orders} == {"COMPLETED"})
    assert faults
    faults.clear()


def test_an_order_whose_check_meets_a_fault_waits_and_the_others_are_checked(
    ready, monkeypatch, faults
):
    orders = [ready.order("1"), ready.order("2")]
    for order in orders:
        services.doubt_order(order_id=order.pk, now=timezone.now())
    poisoned = min(orders, key=lambda order: order.pk)
    requeue = services.requeue_checked

    def fail(*, order_id, **rest):
        if order_id == poisoned.pk:
            raise Fault
        return requeue(order_id=order_id, **rest)

    monkeypatch.setattr(services, "requeue_checked", fail)
    assert check.check_due(world=ready.world, now=timezone.now()) == 1
    row = Order.objects.get(pk=poisoned.pk)
    assert (row.status, row.reason_code, row.leased_until) == ("CHECKING", FAULT, None)
    assert faults
    faults.clear()


def test_a_wallet_that_meets_a_fault_waits_alone_and_the_others_are_registered(
    stage, monkeypatch, faults
):
    poisoned = stage.wallet
    others = [make_wallet(stage.investor, f"0x{n:040x}") for n in range(17, 20)]
    encode = registers.encode_holders

    def fail(rows):
        if poisoned.pk in {row.wallet_id for row in rows}:
            raise Fault
        return encode(rows)

    monkeypatch.setattr(holders, "encode_holders", fail)
    stage.until(
        lambda: (
            Holder.objects.filter(
                wallet_id__in=[each.pk for each in others], status="REGISTERED"
            ).count()
            == 3
        )
    )
    assert Holder.objects.get(wallet=poisoned).status == "PENDING"
    assert faults
    faults.clear()


def test_a_hold_that_meets_a_fault_is_written_down(ready, monkeypatch, faults):
    def fail(*_, **__):
        raise Fault

    class Stop:
        token = ready.token

    monkeypatch.setattr(services, "want_stops", lambda **_: [Stop])
    monkeypatch.setattr(stops, "_enforce", fail)
    assert stops.enforce_holds(world=ready.world, now=timezone.now()) == 0
    assert work_of(Trouble.objects.get()) == ("hold", "anvil", ready.token.symbol, FAULT)
    assert faults
    faults.clear()


def test_a_hold_whose_end_meets_a_fault_keeps_neither_another_one_nor_the_chain_from_its_turn(
    two_networks, monkeypatch, faults
):
    token = Token.objects.get(network=FAR)
    until = timezone.now() + timedelta(hours=1)
    terms = HoldTerms(
        directions=frozenset({Direction.MINT}),
        owner=HoldOwner.OPERATIONS,
        reason_code=HoldReason.CORPORATE_ACTION,
        note="drill",
        until=until,
        token_id=token.pk,
    )
    poisoned, other = [
        services.place_hold(terms=terms, actor=TEST, now=timezone.now()) for _ in range(2)
    ]
    end, asked = holds._end, []

    def fail(row, **rest):
        if row.pk == poisoned.pk:
            raise Fault
        end(row, **rest)

    def want(*, network, **_):
        asked.append(network)
        return []

    monkeypatch.setattr(holds, "_end", fail)
    monkeypatch.setattr(services, "want_stops", want)
    assert stops.enforce_holds(world=NOWHERE, now=until) == 0
    poisoned.refresh_from_db()
    other.refresh_from_db()
    assert (poisoned.status, other.status) == ("ACTIVE", "EXPIRED")
    assert set(asked) == two_networks
    assert work_of(Trouble.objects.get()) == ("hold", "", "", FAULT)
    for network in two_networks:
        assert Trouble.now_on(network=network, now=until).exists(), "it concerns every network"
    assert faults
    faults.clear()


# --- the wall itself ----------------------------------------------------------------------------


def let(error, **changes):
    with Wall(piece=PIECE, now=timezone.now(), **changes):
        raise error


@pytest.mark.usefixtures("transactional_db")
def test_what_a_refusal_is_called_is_kept(faults):
    let(StateConflict("too late"))
    assert Trouble.objects.get().code == "state_conflict"
    assert "StateConflict" in faults.pop()


@pytest.mark.usefixtures("transactional_db")
def test_a_row_that_cannot_even_wait_is_left_to_its_lease(faults):
    def let_wait(_):
        raise KeyError

    let(Fault(), let_wait=let_wait)
    assert Trouble.objects.get().times == 2
    assert len(faults) == 2
    faults.clear()


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyboardInterrupt(), id="a person ends the process"),
        pytest.param(OperationalError(), id="no database"),
        pytest.param(StateConflict(), id="what the caller meets"),
    ],
)
def test_what_concerns_all_passes(error):
    with pytest.raises(type(error)):
        let(error, passing=(StateConflict,))
    assert not Trouble.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_halves_find_each_culprit_and_do_all_others_once(faults):
    culprits = {3, 11}
    done: list[int] = []
    given_up: list[int] = []

    def work(rows):
        if culprits & set(rows):
            raise Fault
        done.extend(rows)
        return len(rows)

    sum_ = by_halves(
        list(range(16)), work, piece=PIECE, give_up=given_up.append, now=timezone.now()
    )
    assert (sum_, sorted(done)) == (14, sorted(set(range(16)) - culprits))
    assert given_up == [3, 11]
    assert len(faults) == Trouble.objects.get().times == 9
    assert Trouble.objects.get().code == FAULT
    faults.clear()
