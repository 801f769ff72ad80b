"""SIGKILL on the way of a move between chains: one burn, one mint, and its shares are never free."""

import uuid

import pytest
from django.utils import timezone

from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import LedgerTransfer
from issuance import services
from issuance.chain.events import decode_event
from issuance.chain.types import OrderBurned, OrderMinted
from issuance.invariants import check_all
from issuance.models import Move, Order
from issuance.policy import MoveTerms
from issuance.states import OrderType
from tests.crash import worker
from tests.crash.killing import dealt
from tests.crash.test_kills import status
from tests.issuance import far_side
from tests.issuance.stage import CLIENT, NETWORK

# How far a move has come when its worker is killed, and where; two lives share the places out.
WHERE = [
    ("burn included", "settle.precommit"),
    ("burn included", "settle.committed"),
    ("burned", "assign.numbered"),
    ("burned", "sign.signed"),
    ("mint included", "settle.precommit"),
    ("mint included", "settle.committed"),
]


@pytest.fixture
def far(stage, start_chain):
    """Two chains, 1,000 settled shares and 100 tokens on the first."""
    chain = start_chain(chain_id=far_side.FAR_CHAIN_ID, slots_in_an_epoch=2)
    side = far_side.add(stage, chain).ready()
    minted = stage.order("100")
    stage.until(lambda: status(minted) == "COMPLETED")
    return side


def start(far):
    """A move of one share whose tokens the holder has put in escrow."""
    stage = far.stage
    row = services.create_move(
        institution_id=stage.institution.pk,
        terms=MoveTerms(
            investor_id=stage.investor.pk,
            underlying_symbol=stage.fund.symbol,
            from_network=NETWORK,
            to_network=far_side.FAR,
            quantity=parse_quantity("1"),
            from_wallet_address=stage.wallet.address,
            to_wallet_address=far.wallet.address,
        ),
        client_move_id=uuid.uuid4().hex,
        context={},
        actor=CLIENT,
        now=timezone.now(),
    )
    burn = row.legs.get()
    stage.holder_key.request_redeem(
        stage.node,
        contract=stage.token.address,
        order_id=burn.onchain_id,
        amount=burn.quantity,
    )
    return row


def has_come(row, stretch):
    """Whether the move has come to the stretch of its way."""
    mint = Order.objects.filter(move=row, type=OrderType.MINT).first()
    burn = Order.objects.get(move=row, type=OrderType.REDEEM)
    return {
        "burn included": burn.status == "INCLUDED",
        "burned": mint is not None and mint.status == "QUEUED",
        "mint included": mint is not None and mint.status == "INCLUDED",
    }[stretch]


def ids_of(node, token, kind):
    logs = node.logs(address=token.address, first=0, last=node.head().number)
    return [event.order_id for log in logs if isinstance(event := decode_event(log), kind)]


def test_a_worker_killed_anywhere_on_the_way_of_a_move_burns_once_and_mints_once(far, killer):
    stage = far.stage
    for number, places in enumerate(dealt(WHERE, lives=2), start=1):
        row = start(far)

        def done(row=row):
            return Move.objects.get(pk=row.pk).status == "COMPLETED"

        for stretch, point in places:
            stage.until(lambda row=row, stretch=stretch: has_come(row, stretch))
            killer.kill(stage, done, at=point)
        assert worker.run(stage, done) == 0, f"after kills at {places} the work was not finished"
        burn, mint = row.legs.order_by("pk")
        assert ids_of(stage.node, stage.token, OrderBurned).count(burn.onchain_id) == 1
        assert ids_of(far.node, far.token, OrderMinted).count(mint.onchain_id) == 1
        assert (burn.status, mint.status) == ("COMPLETED", "COMPLETED")
        assert stage.reader.supply() == parse_quantity(str(100 - number))
        assert far.reader.supply() == parse_quantity(str(number))
        assert custody_queries.backing(stage.token.pk) == stage.reader.supply()
        assert custody_queries.backing(far.token.pk) == far.reader.supply()
        posted = LedgerTransfer.objects.filter(cause__in=[f"order:{burn.pk}", f"order:{mint.pk}"])
        assert sorted(posted.values_list("kind", flat=True)) == ["BACK", "MOVE"]
        assert custody_queries.position(stage.fund.pk).free == parse_quantity("900")
        assert check_all() == [], places
