"""One fund on two chains at once: mints on both, supply moves from one to the other, and one of them
reorganises in the middle of the burn, and the other in the middle of the mint.
"""

import threading
import time
from dataclasses import dataclass, field

import pytest
from django.db import connection

from config.devstack import launch
from config.devstack.anvil import Anvil
from core.models import Event
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import LedgerTransfer
from issuance.chain.client import ChainClient
from issuance.chain.events import decode_event
from issuance.chain.token import TokenReader
from issuance.chain.types import OrderBurned, OrderMinted
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import Order, Token
from tests.issuance.stage import secret
from tests.journeys.travel import Traveller, onboard, prove

NEAR, FAR = "near", "far"
FAR_BLOCK_SECONDS = 0.5
ONE = 10**18


@dataclass
class Watch:
    """Makes the far chain's blocks and looks at both chains at each of them."""

    near: ChainClient
    far: ChainClient
    far_chain: Anvil
    tokens: dict[str, Token]
    stopping: threading.Event = field(default_factory=threading.Event)
    looks: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        try:
            while not self.stopping.wait(FAR_BLOCK_SECONDS):
                self.far_chain.mine(1)
                self._look()
        except Exception as fault:  # noqa: BLE001 - told to the test, which must fail by it
            self.faults.append(repr(fault))
        finally:
            connection.close()

    def _look(self) -> None:
        readers = {
            NEAR: TokenReader(self.near, self.tokens[NEAR].address),
            FAR: TokenReader(self.far, self.tokens[FAR].address),
        }
        seen = {name: reader.reserves() for name, reader in readers.items()}
        # Read after the chains: nothing that counts here ever falls on this journey.
        settled = custody_queries.position(self.tokens[NEAR].fund_id).settled
        caps = sum(each.cap for each in seen.values())
        supply = sum(each.supply for each in seen.values())
        self.looks += 1
        if caps > settled:
            self.faults.append(f"caps {caps} of {settled}")
        if supply > settled:
            self.faults.append(f"supply {supply} of {settled}")


@pytest.fixture
def chains(start_chain, settings) -> dict[str, Anvil]:
    """Two chains with ids, block times and depths of finality of their own."""
    found = {
        NEAR: start_chain(chain_id=31_337, slots_in_an_epoch=2),
        FAR: start_chain(chain_id=31_338, slots_in_an_epoch=3),
    }
    settings.CHAIN_RPC_URLS = {name: [chain.url] for name, chain in found.items()}
    settings.CHAIN_IDS = {name: chain.chain_id for name, chain in found.items()}
    return found


@pytest.fixture
def travelling(chains, start_product):
    """The fund on both chains and two workers; blocks come by themselves from here on."""
    launch.open_custody()
    for network in chains:
        launch.launch_tokens(network, funds=["IBIT"])
    nodes = {name: ChainClient(name, [each.url], each.chain_id) for name, each in chains.items()}
    tokens = {each.network: each for each in Token.objects.all()}
    watch = Watch(nodes[NEAR], nodes[FAR], chains[FAR], tokens)
    chains[NEAR].interval_mining(1)
    chains[FAR].automine(on=False)
    thread = threading.Thread(target=watch.run)
    thread.start()
    yield Traveller(start_product(pumps=2)[0]), nodes, watch
    watch.stopping.set()
    thread.join(timeout=20)


def mint(traveller, terms, network, qty):
    body = terms | {"type": "mint", "network": network, "qty": qty, "client_order_id": network}
    return traveller.post("orders", body)["id"]


def completed(traveller, path):
    done = traveller.wait(path, lambda row: row["status"] != "pending")
    assert done["status"] == "completed", done
    return done


def leg(traveller, move_id, kind):
    legs = traveller.api.get(f"/v1/moves/{move_id}").json()["legs"]
    return next((each for each in legs if each["type"] == kind), None)


def reorganise_while_included(traveller, move_id, kind, chain, depth):
    """Take the leg's block off the chain before it is final; its transaction must come again."""
    traveller.wait(
        f"moves/{move_id}",
        lambda _: (leg(traveller, move_id, kind) or {}).get("state") == "included",
    )
    chain.reorg(depth)


def ids_on(node, token, kind):
    logs = node.logs(address=token.address, first=0, last=node.head().number)
    return sorted(e.order_id for log in logs if isinstance(e := decode_event(log), kind))


def test_supply_moves_between_two_chains_while_both_reorganise(travelling, chains):
    traveller, nodes, watch = travelling
    key = Key(secret("traveller"))
    chains[NEAR].set_balance(key.address, ONE)
    investor_id = onboard(traveller)
    deposit = {
        "investor_id": investor_id,
        "underlying_symbol": "IBIT",
        "qty": "1000",
        "reference": "d-1",
    }
    traveller.post("custody/deposits", deposit)
    prove(traveller, investor_id, key, NEAR, FAR)
    terms = {
        "investor_id": investor_id,
        "underlying_symbol": "IBIT",
        "wallet_address": key.address,
    }
    for order_id in [mint(traveller, terms, NEAR, "480"), mint(traveller, terms, FAR, "100")]:
        completed(traveller, f"orders/{order_id}")

    # More than the far chain's cap has room for: the near one's must fall before it rises.
    move = traveller.post(
        "moves",
        {
            "investor_id": investor_id,
            "underlying_symbol": "IBIT",
            "from_network": NEAR,
            "to_network": FAR,
            "qty": "450",
            "from_wallet_address": key.address,
            "to_wallet_address": key.address,
            "client_move_id": "move-1",
        },
    )
    step = move["next_action"]
    key.send(nodes[NEAR], to=step["contract"], data=bytes.fromhex(step["calldata"][2:]))
    reorganise_while_included(traveller, move["id"], "redeem", chains[NEAR], depth=3)
    reorganise_while_included(traveller, move["id"], "mint", chains[FAR], depth=4)
    completed(traveller, f"moves/{move['id']}")
    arrive(nodes, watch)


def arrive(nodes, watch):
    """What must be true at the end, on both chains, in the ledger and in the events."""
    time.sleep(2)  # the last look at the chains
    watch.stopping.set()
    assert watch.faults == []
    assert watch.looks > 20
    supply = {
        name: TokenReader(nodes[name], token.address).supply()
        for name, token in watch.tokens.items()
    }
    assert supply == {NEAR: parse_quantity("30"), FAR: parse_quantity("550")}
    backing = {name: custody_queries.backing(token.pk) for name, token in watch.tokens.items()}
    assert backing == supply
    assert check_all() == []
    legs = Order.objects.filter(move__isnull=False).order_by("created_at")
    assert [(each.type, each.status) for each in legs] == [
        ("REDEEM", "COMPLETED"),
        ("MINT", "COMPLETED"),
    ]
    for name, token in watch.tokens.items():
        orders = Order.objects.filter(token=token)
        for kind, order_type in ((OrderMinted, "MINT"), (OrderBurned, "REDEEM")):
            ours = orders.filter(type=order_type).values_list("onchain_id", flat=True)
            assert ids_on(nodes[name], token, kind) == sorted(ours)
    burned = LedgerTransfer.objects.filter(cause=f"order:{legs[0].pk}")
    assert [each.kind for each in burned] == ["MOVE"]
    told = Event.objects.order_by("sequence").filter(type__startswith="move.")
    assert [each.type for each in told] == ["move.created", "move.minting", "move.completed"]
    again = Event.objects.filter(type="chain_transaction.reorganised").values("object_id")
    assert legs[0].bindings.filter(chain_transaction__in=again).exists()
    assert legs[1].bindings.filter(chain_transaction__in=again).exists()
