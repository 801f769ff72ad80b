"""The last chapter: chain, ledger, published reserves and webhooks must tell one story."""

import json
import subprocess
import sys
import time
from typing import Any

from eth_utils.crypto import keccak

from config.devstack import places, rpc
from config.devstack.scenario.api import Api, ScenarioFailed
from config.devstack.scenario.world import World
from core.units import format_quantity, parse_quantity

BOOKS_SECONDS = 60
EVENTS_SECONDS = 30
SETTLE_SECONDS = 20
ORDER_MINTED = "0x" + keccak(text="OrderMinted(uint64,address,uint256)").hex()


def books(world: World) -> dict[str, Any]:
    """What the database says, read by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "config.devstack.books"],
        cwd=places.CHECKOUT,
        env=world.stack.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=BOOKS_SECONDS,
    )
    if done.returncode != 0:
        raise ScenarioFailed(f"the books cannot be read:\n{done.stderr[-2000:]}")
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def tokens(world: World, read: dict[str, Any]) -> list[dict[str, str]]:
    """Supply from the node beside backing from the ledger; they must be equal."""
    compared = []
    for token in read["tokens"]:
        supply = format_quantity(world.supply(token["contract"]))
        if supply != token["backing"]:
            raise ScenarioFailed(f"{token['symbol']}: supply {supply}, backing {token['backing']}")
        kept = {name: token[name] for name in ("symbol", "network", "contract")}
        compared.append({**kept, "supply": supply, "backing": token["backing"]})
        world.timeline.note(f"{token['symbol']}: supply on chain == backing", supply)
    return compared


def funds(world: World, read: dict[str, Any]) -> list[dict[str, str]]:
    """Each fund's buckets must add up to what the custodian settled."""
    kept = []
    for fund in read["funds"]:
        units = {name: parse_quantity(value) for name, value in fund.items() if name != "symbol"}
        parts = ("free", "reserved", "backing", "releasing", "restricted")
        if sum(units[part] for part in parts) != units["settled"] or units["suspense"]:
            raise ScenarioFailed(f"the buckets of {fund['symbol']} do not add up: {fund}")
        names = ("symbol", "settled", "free", "reserved", "releasing", "restricted")
        kept.append({name: fund[name] for name in names})
        if units["settled"]:
            detail = " + ".join(f"{part} {fund[part]}" for part in parts if units[part])
            world.timeline.note(f"{fund['symbol']}: settled {fund['settled']}", f"== {detail}")
    return kept


def minted_on_chain(world: World, order: dict[str, Any]) -> int:
    """How often the token itself minted this order."""
    query = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": world.token(order["underlying_symbol"])["contract"],
        "topics": [ORDER_MINTED, f"0x{int(order['onchain_order_id']):064x}"],
    }
    return len(rpc.call(world.stack.services.rpc_url, "eth_getLogs", query))


def orders(world: World) -> list[dict[str, Any]]:
    """Every order with the number of times it was minted on chain: one, or none for a redeem."""
    listed = []
    for order in world.api.pages("orders"):
        mints = minted_on_chain(world, order) if order["onchain_order_id"] else 0
        wanted = 1 if order["type"] == "mint" and order["status"] == "completed" else 0
        if mints != wanted:
            raise ScenarioFailed(f"order {order['id']} has {mints} mints on chain")
        kept = {name: order[name] for name in ("id", "type", "status", "qty", "tx_hash")}
        listed.append({**kept, "mints_on_chain": mints})
    return listed


def reserves(world: World) -> None:
    """Anybody may fetch the reserves; at finality they name the very supply the node reports."""
    public = Api(world.stack.ports.api_url)
    wanted = {
        each["contract"]: format_quantity(world.supply(each["contract"]))
        for each in world.api.pages("tokens")
    }

    def agrees(published: dict[str, Any]) -> bool:
        listed = [token for fund in published["data"] for token in fund["tokens"]]
        return {each["contract"]: each["supply"] for each in listed} == wanted

    shown = public.wait("reserves", agrees, seconds=SETTLE_SECONDS, what="the published reserves")
    for fund in shown["data"]:
        if parse_quantity(fund["supply"]) > parse_quantity(fund["settled"]):
            raise ScenarioFailed(f"more tokens than settled shares: {fund}")
        text = f"supply {fund['supply']} of {fund['settled']} settled shares"
        world.timeline.note(f"reserves of {fund['underlying_symbol']} published", text)


def events(world: World) -> dict[str, int]:
    """Wait until the receiver has every event since it subscribed; compare ids and content."""
    deadline = time.monotonic() + EVENTS_SECONDS
    while True:
        sent = _sent(world)
        received = [json.loads(line) for line in world.receiver_record.read_text().splitlines()]
        good = {each["id"]: each["event"] for each in received if each["verified"]}
        missing = [identifier for identifier in sent if identifier not in good]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    counted = {
        "sent": len(sent),
        "verified": len(set(sent) & set(good)),
        "duplicated": len(received) - len({each["id"] for each in received}),
        "missing": len(missing),
    }
    world.timeline.note("webhooks compared with the event feed", json.dumps(counted))
    forged = [each for each in received if not each["verified"]]
    changed = [each for each in sent if each in good and good[each] != sent[each]]
    if missing or counted["duplicated"] or forged or changed:
        raise ScenarioFailed(f"webhooks: {counted}, unverified {forged}, changed {changed}")
    return counted


def _sent(world: World) -> dict[str, dict[str, Any]]:
    """The institution's events since the endpoint exists, by id."""
    found: dict[str, dict[str, Any]] = {}
    after, more = 0, True
    while more:
        page = world.api.get("events", after=after, limit=100)
        found |= {event["id"]: event for event in page["data"]}
        after, more = page["next_after"], page["has_more"]
    created = [e["sequence"] for e in found.values() if e["type"] == "webhook_endpoint.created"]
    return {name: each for name, each in found.items() if each["sequence"] > min(created)}
