"""Chapters two to four: proved wallets, settled shares, minted tokens."""

import os
import time
from typing import Any

from config.devstack import rpc
from config.devstack.scenario.api import ScenarioFailed
from config.devstack.scenario.world import World
from core.units import parse_quantity
from issuance.chain.token import encode_transfer
from issuance.chain.wallets import Wallet

HOLDER_SECONDS = 40
SETTLED_SECONDS = 40
ORDER_SECONDS = 60
RECEIPT_SECONDS = 20
# Enough ether for a demonstration's few calls.
PURSE_WEI = 10**18
TRANSFER_GAS = 120_000
FINAL = {"completed", "rejected", "cancelled", "failed"}


def prove_wallets(world: World) -> None:
    """Each approved investor signs a challenge; the token then knows the wallet."""
    for letter in ("A", "B"):
        key = Wallet(os.urandom(32))
        world.keys[letter] = key
        give_ether(world, key.address)
        with world.timeline.step(f"wallet of {letter} proved by signature") as result:
            claimed = claim_wallet(world, letter, key.address)
            challenge = world.api.post(f"wallets/{claimed['id']}/challenge")
            proof = {
                "message": challenge["message"],
                "signature": key.personal_sign(challenge["message"]),
            }
            world.wallets[letter] = world.api.post(f"wallets/{claimed['id']}/proof", proof)
            result.append(key.address)


def await_holders(world: World) -> None:
    """The register on chain is written by the pipeline, not by a request."""
    for letter in ("A", "B"):
        with world.timeline.step(f"wallet of {letter} registered on chain"):
            path = f"holders?wallet_id={world.wallets[letter]['id']}"
            world.api.wait(
                path,
                lambda page: (
                    bool(page["data"])
                    and all(each["status"] == "registered" for each in page["data"])
                ),
                seconds=HOLDER_SECONDS,
                what=f"the registration of {letter}'s wallet",
            )


def claim_wallet(world: World, letter: str, address: str) -> dict[str, Any]:
    """A wallet that is claimed and not yet proved."""
    body = {
        "investor_id": world.investors[letter]["id"],
        "network": world.network,
        "address": address,
    }
    return world.api.post("wallets", body)


def give_ether(world: World, address: str) -> None:
    """Ether from one of the development chain's own accounts."""
    url = world.stack.services.rpc_url
    purse = rpc.call(url, "eth_accounts")[0]
    rpc.send_ether(url, purse, to=address, wei=PURSE_WEI)


def deposit(world: World, letter: str, symbol: str, quantity: str) -> None:
    """Advise shares and wait until the custodian's own file settled them."""
    with world.timeline.step(f"{quantity} {symbol} of {letter} settled by the custodian") as result:
        body = {
            "investor_id": world.investors[letter]["id"],
            "underlying_symbol": symbol,
            "qty": quantity,
            "reference": f"{symbol}-{letter}-1",
        }
        advised = world.api.post("custody/deposits", body)
        settled = world.api.wait(
            f"custody/deposits/{advised['id']}",
            lambda each: each["status"] == "settled",
            seconds=SETTLED_SECONDS,
            what=f"the settlement of {quantity} {symbol}",
        )
        result.append(settled["id"])


def order_body(
    world: World, letter: str, symbol: str, quantity: str, **more: str
) -> dict[str, Any]:
    """An order as the API takes it."""
    return {
        "type": "mint",
        "investor_id": world.investors[letter]["id"],
        "underlying_symbol": symbol,
        "network": world.network,
        "qty": quantity,
        "wallet_address": world.keys[letter].address,
        "client_order_id": f"{symbol}-{letter}-{quantity}-{more.get('type', 'mint')}",
        **more,
    }


def mint(world: World, letter: str, symbol: str, quantity: str) -> dict[str, Any]:
    """Mint and wait for finality."""
    with world.timeline.step(f"{letter} mints {quantity} {symbol}") as result:
        order = world.api.post("orders", order_body(world, letter, symbol, quantity))
        done = await_order(world, order["id"])
        if world.seconds_to_first_mint is None:
            world.seconds_to_first_mint = round(world.timeline.seconds, 1)
        result.append(f"final in {done['tx_hash'][:12]}…")
    return done


def await_order(world: World, identifier: str) -> dict[str, Any]:
    """Wait until the order is completed; any other end fails the story."""
    done = world.api.wait(
        f"orders/{identifier}",
        lambda order: order["status"] in FINAL,
        seconds=ORDER_SECONDS,
        what=f"order {identifier}",
    )
    if done["status"] != "completed":
        raise ScenarioFailed(f"order {identifier} ended {done['status']}: {done}")
    world.orders[identifier] = done
    return done


def mint_through_a_crash(world: World, letter: str, symbol: str, quantity: str) -> dict[str, Any]:
    """Kill the chain worker once the node knows its transaction; the order must mint once."""
    order = world.api.post("orders", order_body(world, letter, symbol, quantity))
    with world.timeline.step(f"{letter} mints {quantity} {symbol}; worker killed") as result:
        tx_hash = _await_broadcast(world, order["id"])
        pid = world.stack.kill_program("chain-worker")
        seen = world.api.get(f"orders/{order['id']}")
        if seen["status"] != "pending":
            raise ScenarioFailed(f"the order was over before the worker died: {seen['status']}")
        result.append(f"SIGKILL to {pid} after {tx_hash[:12]}…")
    with world.timeline.step("chain worker started again") as result:
        world.stack.start_program("chain-worker")
        done = await_order(world, order["id"])
        result.append(f"order {done['status']}")
    return done


def _await_broadcast(world: World, identifier: str) -> str:
    """The hash of the order's transaction, as soon as the node has it."""
    url = world.stack.services.rpc_url
    deadline = time.monotonic() + ORDER_SECONDS
    while time.monotonic() < deadline:
        tx_hash = world.api.get(f"orders/{identifier}").get("tx_hash")
        if tx_hash and rpc.call(url, "eth_getTransactionByHash", tx_hash):
            return str(tx_hash)
        time.sleep(0.02)
    raise ScenarioFailed(f"order {identifier} was never broadcast")


def transfer_reverts(world: World, letter: str, symbol: str) -> None:
    """A wallet nobody registered cannot receive: the token itself says no."""
    contract = world.token(symbol)["contract"]
    stranger = Wallet(os.urandom(32)).address
    wallet, amount = world.keys[letter], parse_quantity("1")
    why = wallet.transfer_refusal(world.chain, contract=contract, to=stranger, amount=amount)
    if why is None:
        raise ScenarioFailed("the token would transfer to a wallet that is not registered")
    data = encode_transfer(to=stranger, amount=amount)
    tx_hash = wallet.send(world.chain, to=contract, data=data, gas=TRANSFER_GAS)
    if await_receipt(world, tx_hash)["status"] != "0x0":
        raise ScenarioFailed(f"the transfer {tx_hash} to a stranger succeeded")
    what = "token transfer to an unregistered wallet"
    world.refusals.append({"what": what, "status": "reverted", "code": why.name})
    world.timeline.note(f"refused: {what}", f"reverted with {why.name}")


def await_receipt(world: World, tx_hash: str) -> dict[str, Any]:
    """The receipt of a mined transaction."""
    deadline = time.monotonic() + RECEIPT_SECONDS
    while time.monotonic() < deadline:
        receipt = rpc.call(world.stack.services.rpc_url, "eth_getTransactionReceipt", tx_hash)
        if receipt:
            return dict(receipt)
        time.sleep(0.1)
    raise ScenarioFailed(f"{tx_hash} was not mined")


def redeem(world: World, letter: str, symbol: str, quantity: str) -> dict[str, Any]:
    """Order, escrow by the holder's own transaction, burn, shares free again."""
    body = order_body(world, letter, symbol, quantity, type="redeem")
    with world.timeline.step(f"{letter} redeems {quantity} {symbol}: escrow") as result:
        order = world.api.post("orders", body)
        step = order["next_action"]
        data = bytes.fromhex(step["calldata"].removeprefix("0x"))
        tx_hash = world.keys[letter].send(world.chain, to=step["contract"], data=data)
        result.append(f"requested in {tx_hash[:12]}…")
    with world.timeline.step("tokens burned, shares free again") as result:
        done = await_order(world, order["id"])
        result.append(f"burned in {done['tx_hash'][:12]}…")
    return done


def deliver(world: World, letter: str, symbol: str, quantity: str) -> None:
    """Shares leave custody on the custodian's confirmation."""
    with world.timeline.step(f"{quantity} {symbol} delivered out to {letter}") as result:
        body = {
            "investor_id": world.investors[letter]["id"],
            "underlying_symbol": symbol,
            "qty": quantity,
            "destination": {"participant": "0123", "account": "KELLER-01"},
        }
        asked = world.api.post("custody/deliveries", body)
        done = world.api.wait(
            f"custody/deliveries/{asked['id']}",
            lambda each: each["status"] == "delivered",
            seconds=SETTLED_SECONDS,
            what=f"the delivery of {quantity} {symbol}",
        )
        result.append(done["id"])
