"""From an unknown investor to shares delivered out, over the public API, with Redis away."""

import os
import time

import pytest

from config.devstack import launch
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import Fund
from issuance.chain.client import ChainClient
from issuance.chain.token import TokenReader
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import Token
from tests.journeys.travel import Traveller, onboard, prove


@pytest.fixture
def stack(anvil, start_product):
    """Funds, tokens, the sandbox custodian and the pump; nothing else knows of an investor."""
    launch.open_custody()
    launch.launch_tokens("anvil")
    anvil.interval_mining(1)
    return start_product()[0]


def deliver(traveller, investor_id, qty):
    delivery = traveller.post(
        "custody/deliveries",
        {
            "investor_id": investor_id,
            "underlying_symbol": "IBIT",
            "qty": qty,
            "destination": {"participant": "0123", "account": "MUSTER-01"},
        },
    )
    traveller.wait(f"custody/deliveries/{delivery['id']}", lambda row: row["status"] == "delivered")


def test_an_investor_mints_redeems_and_takes_the_shares_out(stack, anvil):
    traveller, key = Traveller(stack), Key(os.urandom(32))
    anvil.set_balance(key.address, 10**18)
    investor_id = onboard(traveller)
    prove(traveller, investor_id, key, "anvil")
    deposit = traveller.post(
        "custody/deposits",
        {
            "investor_id": investor_id,
            "underlying_symbol": "IBIT",
            "qty": "1000",
            "reference": "d-1",
        },
    )
    traveller.wait(f"custody/deposits/{deposit['id']}", lambda row: row["status"] == "settled")
    terms = {
        "investor_id": investor_id,
        "underlying_symbol": "IBIT",
        "network": "anvil",
        "wallet_address": key.address,
    }
    mint = traveller.post(
        "orders", terms | {"type": "mint", "qty": "600.25", "client_order_id": "m-1"}
    )
    done = traveller.wait(f"orders/{mint['id']}", lambda row: row["status"] != "pending")
    assert done["status"] == "completed", done
    redeem = traveller.post(
        "orders", terms | {"type": "redeem", "qty": "100", "client_order_id": "r-1"}
    )
    step = redeem["next_action"]
    node = ChainClient("anvil", [anvil.url], anvil.chain_id)
    key.send(node, to=step["contract"], data=bytes.fromhex(step["calldata"][2:]))
    done = traveller.wait(f"orders/{redeem['id']}", lambda row: row["status"] != "pending")
    assert done["status"] == "completed", done
    deliver(traveller, investor_id, "100")
    token = Token.objects.select_related("fund").get(fund=Fund.objects.get(symbol="IBIT"))
    supply = TokenReader(node, token.address).supply()
    held = custody_queries.position(token.fund_id)
    assert supply == held.backing == parse_quantity("500.25")
    assert (held.settled, held.free) == (parse_quantity("900"), parse_quantity("399.75"))
    time.sleep(2)  # the last look at the chain
    assert check_all() == []
