"""SIGKILL at every commit and record of the pipeline: after a restart one mint, nothing lost."""

import secrets

import pytest
from eth_utils.address import to_checksum_address

from core.models import Breaker
from core.units import parse_quantity
from crash.crew import planted
from custody import queries as custody_queries
from issuance.chain.events import decode_event
from issuance.chain.token import encode_mint_batch
from issuance.chain.types import OrderBurned, OrderItem, OrderMinted
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import Attempt, Holder, Order, Token
from issuance.pipeline import advance, reserves
from issuance.states import OrderType
from tests.crash import worker
from tests.crash.killing import dealt, twice
from tests.issuance.stage import NETWORK, let_pass, make_wallet, secret

ON_THE_WAY_OF_A_MINT = [
    "register.wanted",
    "register.committed",
    "attest.answered",
    "attest.recorded",
    "attest.committed",
    "assign.claimed",
    "assign.simulated",
    "assign.numbered",
    "assign.committed",
    "sign.before",
    "sign.signed",
    "sign.precommit",
    "sign.saved",
    "advance.claimed",
    "broadcast.before_send",
    "broadcast.sent",
    "broadcast.record.precommit",
    "broadcast.recorded",
    "observe.seen",
    "include.before_record",
    "include.record.precommit",
    "include.recorded",
    "settle.before",
    "settle.precommit",
    "settle.committed",
    "blocks.seen",
    "blocks.precommit",
    "blocks.committed",
    "follow.read",
    "follow.precommit",
    "follow.committed",
]


ON_THE_WAY_OF_A_BURN = [
    "follow.precommit",
    "follow.committed",
    "assign.numbered",
    "assign.committed",
    "sign.signed",
    "sign.saved",
    "broadcast.sent",
    "settle.precommit",
    "settle.committed",
]
AROUND_A_REORGANISATION = ["reorg.before_record", "reorg.record.precommit", "reorg.recorded"]
AROUND_A_BUMP = ["bump.committed"]
AROUND_A_DEATH = ["gone.recorded", "dead.committed", "check.asked", "check.requeued"]
AFTER_A_LOST_COMMIT = ["check.asked", "check.finished"]
# Killed at in test_kills_of_cancels.py.
AROUND_A_CANCEL = ["cancel.precommit", "cancel.asked", "cancel.settled"]
# Killed at in test_recovery_kills.py.
AROUND_A_RECOVERY = [
    "recover.begin.precommit",
    "recover.begun",
    "recover.fence.precommit",
    "recover.fence_raised",
    "recover.fence_final",
    "recover.asked",
    "recover.asked.precommit",
    "recover.end.precommit",
    "recover.ended",
    "recover.vouch.precommit",
    "recover.vouched",
]


def status(order):
    return Order.objects.get(pk=order.pk).status


def events_of(stage, kind):
    """Every event of a kind the chain holds, straight from the node."""
    last = stage.node.head().number
    logs = stage.node.logs(address=stage.token.address, first=0, last=last)
    return [event for log in logs if isinstance(event := decode_event(log), kind)]


def one_mint(stage, order):
    return [e.amount for e in events_of(stage, OrderMinted) if e.order_id == order.onchain_id] == [
        order.quantity
    ]


def books_agree(stage):
    supply = stage.reader.supply()
    position = custody_queries.position(stage.fund.pk)
    assert supply == position.backing
    assert position.settled == sum(
        (position.free, position.reserved, position.backing, position.releasing)
    )
    assert check_all() == []


def test_a_worker_killed_anywhere_on_the_way_of_a_mint_leaves_one_mint(ready, killer, monkeypatch):
    """Each life registers a wallet, renews the attestation and mints one share."""
    monkeypatch.setattr(reserves, "PAUSE", reserves.PAUSE * 0)
    for number, points in enumerate(twice(ON_THE_WAY_OF_A_MINT, lives=4), start=1):
        # Figures are told apart by the chain's second: one that must wait would let the mint go first.
        ready.anvil.increase_time(1)
        ready.settle("1")
        address = to_checksum_address(f"0x{secrets.token_hex(20)}")
        wallet = make_wallet(ready.investor, address)
        order = ready.order("1")

        def done(order=order, wallet=wallet):
            return (
                status(order) == "COMPLETED"
                and Holder.objects.filter(wallet=wallet, status="REGISTERED").exists()
                and Token.objects.get(pk=ready.token.pk).attested_units
                == custody_queries.attestable(ready.fund.pk)
            )

        killer.one_life(ready, done, at=points)
        assert one_mint(ready, order), points
        assert ready.reader.supply() == parse_quantity(str(number))
        books_agree(ready)


def test_a_worker_killed_anywhere_on_the_way_of_a_burn_releases_the_shares_once(ready, killer):
    minted = ready.order("100")
    ready.until(lambda: status(minted) == "COMPLETED")
    for number, points in enumerate(dealt(ON_THE_WAY_OF_A_BURN, lives=2), start=1):
        order = ready.order("1", OrderType.REDEEM)
        ready.holder_key.request_redeem(
            ready.node,
            contract=ready.token.address,
            order_id=order.onchain_id,
            amount=order.quantity,
        )
        killer.one_life(ready, lambda order=order: status(order) == "COMPLETED", at=points)
        burned = [e for e in events_of(ready, OrderBurned) if e.order_id == order.onchain_id]
        assert len(burned) == 1, points
        assert ready.reader.supply() == parse_quantity(str(100 - number))
        assert custody_queries.position(ready.fund.pk).free == parse_quantity(str(900 + number))
        books_agree(ready)


@pytest.fixture
def is_completed():
    """What a worker works for, said of an order."""
    return lambda order: lambda: status(order) == "COMPLETED"


def test_a_worker_killed_around_a_reorganisation_sends_the_same_bytes_again(
    ready, killer, is_completed
):
    for _ in range(2):
        order = ready.order("1")
        ready.tick()  # signed and sent; the chain mines it at once
        ready.hurry()
        ready.tick()
        assert status(order) == "INCLUDED"
        tx_hash = Order.objects.get(pk=order.pk).tx_hash
        ready.anvil.reorg(1)
        ready.hurry()
        killer.one_life(ready, is_completed(order), at=AROUND_A_REORGANISATION, mined=0)
        assert Order.objects.get(pk=order.pk).tx_hash == tx_hash
        assert one_mint(ready, order)
        books_agree(ready)


def test_a_worker_killed_after_a_dearer_attempt_was_saved_mints_once(
    ready, killer, is_completed, monkeypatch
):
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    ready.anvil.automine(on=False)
    for _ in range(2):
        order = ready.order("1")
        killer.one_life(ready, is_completed(order), at=AROUND_A_BUMP, mined=0)
        assert one_mint(ready, order)
        books_agree(ready)


def test_a_worker_killed_while_a_transaction_dies_signs_anew_once(
    ready, killer, is_completed, monkeypatch
):
    """Somebody else uses up the nonce; the proof of death and the new signature are interrupted."""
    monkeypatch.setattr(advance, "DEATH_AFTER", advance.LOOK_EVERY * 0)
    thief = Key(secret("ISSUER"))
    for _ in range(2):
        ready.anvil.automine(on=False)
        order = ready.order("1")
        ready.tick()
        first = Attempt.objects.filter(chain_transaction__order_bindings__order=order).get()
        ready.anvil.drop(first.tx_hash)
        thief.send(ready.node, to=thief.address, data=b"", gas=30_000)
        ready.anvil.automine(on=True)
        killer.one_life(ready, is_completed(order), at=AROUND_A_DEATH)
        assert Order.objects.get(pk=order.pk).tx_hash != first.tx_hash
        assert one_mint(ready, order)
        books_agree(ready)


def test_a_worker_killed_while_it_finds_a_forgotten_mint_does_not_repeat_it(
    ready, killer, is_completed, monkeypatch, settings
):
    """The database lost the commit of a mint that the chain has executed."""
    monkeypatch.setattr(advance, "DEATH_AFTER", advance.LOOK_EVERY * 0)
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 2}
    for _ in range(2):
        order = ready.order("1")
        item = OrderItem(order.onchain_id, ready.wallet.address, order.quantity)
        call = encode_mint_batch([item])
        Key(secret("ISSUER")).send(ready.node, to=ready.token.address, data=call)
        ready.tick(blocks=3)
        for halt in Breaker.objects.filter(status="OPEN"):
            let_pass(halt.name)
        ready.hurry()
        killer.one_life(ready, is_completed(order), at=AFTER_A_LOST_COMMIT)
        assert one_mint(ready, order)
        books_agree(ready)


def test_every_failpoint_of_the_sources_is_on_a_list_of_kills():
    """A new point is missed here at once; whether each was died at twice, the matrix says."""
    killed_at = {
        *ON_THE_WAY_OF_A_MINT,
        *ON_THE_WAY_OF_A_BURN,
        *AROUND_A_REORGANISATION,
        *AROUND_A_BUMP,
        *AROUND_A_DEATH,
        *AFTER_A_LOST_COMMIT,
        *AROUND_A_CANCEL,
        *AROUND_A_RECOVERY,
    }
    assert set(planted()) == killed_at


def test_three_workers_at_once_mint_each_order_once(ready):
    """Doubled tasks and concurrent workers: leases, row locks and constraints keep them apart."""
    orders = [ready.order("1") for _ in range(12)]
    ids = [order.pk for order in orders]

    def done():
        return Order.objects.filter(pk__in=ids, status="COMPLETED").count() == len(ids)

    pids = [worker.start(ready, done, fast=True) for _ in range(3)]
    assert [worker.wait(pid) for pid in pids] == [0, 0, 0]
    minted = sorted(event.order_id for event in events_of(ready, OrderMinted))
    assert minted == sorted(order.onchain_id for order in orders)
    books_agree(ready)
