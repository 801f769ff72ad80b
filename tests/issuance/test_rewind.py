"""Finality that breaks: the network halts at once, and two people have the events read again."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import breakers
from core.actors import Actor, ActorKind
from core.errors import SameActor, StateConflict
from core.models import Breaker
from issuance import queries, services
from issuance.models import (
    BlockHead,
    ChainCursor,
    Order,
    Reorg,
    Rewind,
    TokenLog,
    VanishedLog,
)
from issuance.pipeline import follow
from issuance.services.holdings import latest
from issuance.services.rewinds import NotAPerson, RewindInvalid
from tests.issuance import paper as papers
from tests.issuance.stage import NETWORK, OPERATOR, TEST

FINALITY = 2
OTHER_OPERATOR = Actor(ActorKind.OPERATOR, "8")


def halted(stage):
    name = queries.network_breaker(stage.token.network)
    return Breaker.objects.filter(name=name, status="OPEN").exists()


def followed(stage):
    follow.follow_all(world=stage.world, now=timezone.now())


def completed(stage, quantity="10"):
    """A mint that is final and recorded, with nothing left to read."""
    order = stage.order(quantity)
    stage.until(lambda: Order.objects.get(pk=order.pk).status == "COMPLETED")
    stage.tick(blocks=FINALITY)
    followed(stage)
    return order


def depth_of(stage, kind="ORDER_MINTED"):
    """How many blocks vanish when the one of the event does."""
    block = TokenLog.objects.filter(kind=kind).latest("block").block
    return stage.anvil.block_number() - block + 1


def test_a_final_block_that_vanishes_halts_at_the_very_next_look(ready):
    """No new block, no new finality: the cursor stands at the finalized height already."""
    completed(ready)
    cursor = ChainCursor.objects.get(token=ready.token)
    assert cursor.block == ready.node.finalized().number
    ready.anvil.reorg(depth_of(ready))
    followed(ready)
    assert halted(ready)
    assert Reorg.objects.get(below_finality=True).first_block <= cursor.block


def test_the_tokens_own_cursor_notices_even_when_the_blocks_are_forgotten(ready):
    completed(ready)
    ready.anvil.reorg(depth_of(ready))
    BlockHead.objects.all().delete()
    followed(ready)
    assert halted(ready)
    assert follow.follow(token=ready.token, node=ready.node, now=timezone.now()) is None


def test_a_broken_finality_opens_its_breaker_again_until_the_record_is_rewound(ready):
    completed(ready)
    ready.anvil.reorg(depth_of(ready))
    followed(ready)
    closed()
    assert not halted(ready)
    followed(ready)
    assert halted(ready)


def closed():
    from django.db import transaction  # noqa: PLC0415 - beside its only use

    with transaction.atomic(durable=True):
        for each in Breaker.objects.filter(status="OPEN"):
            breakers.close_breaker(
                name=each.name,
                reason="looked at",
                proposed_by=OPERATOR,
                approved_by=OTHER_OPERATOR,
                now=timezone.now(),
            )


def rewound(stage, block):
    row = services.propose_rewind(
        network=stage.token.network,
        block=block,
        reason="finality broke",
        actor=OPERATOR,
        now=timezone.now(),
    )
    services.apply_rewind(rewind_id=row.pk, actor=OTHER_OPERATOR, now=timezone.now())


def held(stage):
    row = latest(token=stage.token, accounts=[stage.wallet.address]).first()
    return row.balance if row else 0


def test_events_that_vanished_are_marked_and_orders_they_completed_need_people(ready):
    order = completed(ready)
    minted = TokenLog.objects.get(kind="ORDER_MINTED")
    assert held(ready) == order.quantity
    ready.anvil.reorg(depth_of(ready))
    ready.anvil.mine(FINALITY)
    followed(ready)
    closed()
    rewound(ready, minted.block - 1)
    followed(ready)
    assert VanishedLog.objects.filter(log=minted, back_at__isnull=True).exists()
    assert held(ready) == 0
    halt = Breaker.objects.get(name=queries.token_breaker(ready.token), status="OPEN")
    assert order.public_id in halt.reason
    assert not halted(ready)
    snapshot = queries.latest_snapshot(token_id=ready.token.pk)
    assert snapshot is not None
    assert snapshot.supply == ready.reader.supply() == 0


def test_events_that_came_back_in_other_blocks_are_read_once_and_change_nothing(ready):
    order = completed(ready)
    minted = TokenLog.objects.get(kind="ORDER_MINTED")
    raw = ready.anvil.rpc("eth_getRawTransactionByHash", minted.tx_hash)
    ready.anvil.reorg(depth_of(ready), [(raw, 1)])
    ready.anvil.mine(FINALITY)
    followed(ready)
    closed()
    rewound(ready, minted.block - 1)
    followed(ready)
    again = TokenLog.objects.canonical().get(kind="ORDER_MINTED")
    assert (again.block_hash != minted.block_hash, again.tx_hash) == (True, minted.tx_hash)
    assert held(ready) == order.quantity
    assert not Breaker.objects.filter(status="OPEN").exists()


def test_what_did_not_change_is_read_again_without_effect(ready):
    completed(ready)
    rows, cursor = TokenLog.objects.count(), ChainCursor.objects.get(token=ready.token).block
    rewound(ready, ready.token.deployed_block)
    followed(ready)
    assert ChainCursor.objects.get(token=ready.token).block == cursor
    assert TokenLog.objects.count() == rows
    assert not VanishedLog.objects.exists()
    assert not Breaker.objects.filter(status="OPEN").exists()


# --- who may ------------------------------------------------------------------------------------


@pytest.fixture
def paper(db):  # noqa: ARG001 - asked for its effect
    paper = papers.build()
    ChainCursor.objects.update(block=100, block_hash="0xaa")
    return paper


def propose(actor=OPERATOR, **changes):
    terms = {"network": NETWORK, "block": 50, "reason": "broken", "actor": actor}
    return services.propose_rewind(**terms | changes, now=timezone.now())


@pytest.mark.usefixtures("paper")
def test_nobody_rewinds_alone_and_no_process_does():
    row = propose()
    with pytest.raises(SameActor):
        services.apply_rewind(rewind_id=row.pk, actor=OPERATOR, now=timezone.now())
    with pytest.raises(NotAPerson):
        services.apply_rewind(rewind_id=row.pk, actor=TEST, now=timezone.now())
    with pytest.raises(NotAPerson):
        propose(actor=TEST)
    assert ChainCursor.objects.get().block == 100


@pytest.mark.usefixtures("paper")
def test_one_rewind_at_a_time_of_a_block_the_follower_has_passed():
    with pytest.raises(RewindInvalid):
        propose(block=100)
    with pytest.raises(RewindInvalid):
        propose(reason="")
    row = propose()
    with pytest.raises(StateConflict):
        propose()
    services.withdraw_rewind(rewind_id=row.pk, actor=OPERATOR, now=timezone.now())
    with pytest.raises(StateConflict):
        services.apply_rewind(rewind_id=row.pk, actor=OTHER_OPERATOR, now=timezone.now())
    assert propose().status == "PROPOSED"


@pytest.mark.usefixtures("paper")
def test_the_command_asks_who_sits_there(monkeypatch):
    for name in ("anna", "ben"):
        get_user_model().objects.create_user(name, password=f"password of {name}")

    def run(name, *arguments, password=""):
        monkeypatch.setattr("sys.stdin", StringIO(f"{password or f'password of {name}'}\n"))
        out = StringIO()
        call_command(
            "rewind_follower", "--operator", name, "--password-stdin", *arguments, stdout=out
        )
        return out.getvalue().split()[0]

    terms = ("--network", NETWORK, "--block", "50", "--reason", "broken")
    with pytest.raises(CommandError, match="sign_in_refused"):
        run("anna", *terms, password="guessed")
    row = run("anna", *terms)
    with pytest.raises(CommandError, match="same_actor"):
        run("anna", "--apply", row)
    run("ben", "--apply", row)
    assert Rewind.objects.get().status == "APPLIED"
    assert ChainCursor.objects.get().block == 50
    assert timedelta(0) < timezone.now() - Rewind.objects.get().created_at
