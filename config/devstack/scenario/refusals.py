"""What the product must refuse, each with its stable code and without any effect."""

import os
from datetime import UTC, datetime
from typing import Any

from config.devstack.scenario.api import Api, ScenarioFailed
from config.devstack.scenario.trading import claim_wallet, order_body
from config.devstack.scenario.world import CLIENT_ADDRESS, World
from core import ids
from issuance.chain.wallets import Wallet

# An address that the country database of the stack places in mainland China.
MAINLAND_ADDRESS = "203.0.113.86"


def bad_orders(world: World) -> None:
    """Orders whose fields are wrong, one by one."""
    good = order_body(world, "A", "IBIT", "1")
    cases: list[tuple[str, dict[str, Any], int, str]] = [
        ("unknown field", {**good, "price": "1"}, 400, "unknown_field"),
        ("negative quantity", {**good, "qty": "-1"}, 400, "quantity_invalid"),
        ("19 decimal places", {**good, "qty": "0.0000000000000000001"}, 400, "quantity_invalid"),
        ("quantity as a float", {**good, "qty": 1.5}, 400, "quantity_invalid"),
        ("unknown fund", {**good, "underlying_symbol": "NONE"}, 422, "unknown_fund"),
        ("unknown network", {**good, "network": "nowhere"}, 422, "network_unknown"),
        (
            "wallet of another investor",
            {**good, "wallet_address": world.keys["B"].address},
            422,
            "wallet_not_owned",
        ),
    ]
    for what, body, status, code in cases:
        named = body | {"client_order_id": f"bad-{what.replace(' ', '-')}"}
        answer = world.api.request("POST", "orders", body=named)
        world.refuse(what, answer, status=status, code=code)
    broken = world.api.request("POST", "orders", raw=b'{"type": "mint",')
    world.refuse("malformed JSON", broken, status=400, code="malformed_json")


def unproved_wallet(world: World) -> None:
    """A claimed wallet gets nothing before its owner signed."""
    key = Wallet(os.urandom(32))
    wallet = claim_wallet(world, "A", key.address)
    body = order_body(world, "A", "IBIT", "1", wallet_address=key.address)
    answer = world.api.request("POST", "orders", body=body | {"client_order_id": "unproved"})
    world.refuse("mint to an unproved wallet", answer, status=422, code="wallet_not_proved")
    challenge = world.api.post(f"wallets/{wallet['id']}/challenge")
    forged = Wallet(os.urandom(32)).personal_sign(challenge["message"])
    proof = {"message": challenge["message"], "signature": forged}
    answer = world.api.request("POST", f"wallets/{wallet['id']}/proof", body=proof)
    world.refuse("challenge signed by another key", answer, status=422, code="signature_invalid")


def more_than_free(world: World, letter: str, symbol: str, quantity: str) -> None:
    """Only settled and free shares can back a token."""
    body = order_body(world, letter, symbol, quantity)
    answer = world.api.request("POST", "orders", body=body)
    what = f"mint of {quantity} {symbol} beyond the free shares"
    world.refuse(what, answer, status=422, code="insufficient_shares")


def idempotency(world: World, letter: str, symbol: str) -> str:
    """The same key and body give the same order, another body is refused. Returns the order."""
    body = order_body(world, letter, symbol, "0.75")
    first = world.api.request("POST", "orders", body=body, idempotency_key="demo-repeat-1")
    again = world.api.request("POST", "orders", body=body, idempotency_key="demo-repeat-1")
    if first.status not in (200, 201, 202) or (again.status, again.text) != (
        first.status,
        first.text,
    ):
        raise ScenarioFailed(f"the repeated key changed the answer: {first.text} / {again.text}")
    world.timeline.note("repeated Idempotency-Key", f"same order {first.body['id']}")
    other = world.api.request(
        "POST", "orders", body=body | {"qty": "0.5"}, idempotency_key="demo-repeat-1"
    )
    world.refuse("same key, other body", other, status=422, code="idempotency_key_reused")
    return str(first.body["id"])


def from_the_mainland(world: World) -> None:
    """The session rule answers before anything else is looked at."""
    far = Api(
        world.stack.ports.api_url,
        world.stack.prepared["api_key"],
        client_address=MAINLAND_ADDRESS,
    )
    answer = far.request("GET", "orders")
    code = "unavailable_for_legal_reasons"
    world.refuse("request from a mainland address", answer, status=451, code=code)
    if "42" not in answer.text:
        raise ScenarioFailed(f"the 451 names no source: {answer.text}")


def wrong_doors(world: World) -> None:
    """Keys, other people's objects and webhook addresses inside our own network."""
    stranger = Api(world.stack.ports.api_url, "shm_test_0000000000_nonsense")
    answer = stranger.request("GET", "orders")
    world.refuse("unknown key", answer, status=401, code="unauthenticated")
    missing = world.api.request("GET", "orders/ord_00000000000000000000000000")
    world.refuse("order of nobody", missing, status=404, code="not_found")
    body = {"url": "https://10.0.0.1/hook", "event_types": ["*"], "description": "inside"}
    inside = world.api.request("POST", "webhook-endpoints", body=body)
    world.refuse("webhook to a private address", inside, status=422, code="webhook_url_refused")


def retired_key(world: World) -> None:
    """A key that was rotated without overlap is refused at once; the story goes on with the new."""
    old = Api(world.stack.ports.api_url, world.stack.prepared["api_key"])
    keys = list(world.api.pages("api-keys"))
    rotated = world.api.post(f"api-keys/{keys[0]['id']}/rotate", {"overlap_seconds": 0})
    world.api = Api(world.stack.ports.api_url, rotated["key"], client_address=CLIENT_ADDRESS)
    world.api.get("funds")
    answer = old.request("GET", "orders")
    world.refuse("key that was rotated away", answer, status=401, code="unauthenticated")


def closed_fund(world: World) -> None:
    """A fund the treasury closed takes no deposit."""
    fund = next(each for each in world.api.pages("funds") if each["symbol"] == "ARKB")
    path = f"custody/fund/{ids.decode_id('fund', fund['id'])}"
    world.second.act(path, "close", reason="The programme no longer holds it.")
    body = {
        "investor_id": world.investors["A"]["id"],
        "underlying_symbol": "ARKB",
        "qty": "10",
        "reference": "ARKB-A-1",
    }
    answer = world.api.request("POST", "custody/deposits", body=body)
    world.refuse("deposit into a closed fund", answer, status=422, code="fund_closed")


def bad_files(world: World) -> None:
    """A custodian's file is taken whole or not at all."""
    place = "custody/message"
    custodian = world.first.choice(place, "import", "Sandbox Custody Bank")
    known, unknown = "US46438F1012,1000,0", "US0378331005,5,0"
    for what, positions, code in (
        ("statement with an unknown ISIN", [known, unknown], "statement_unknown_isin"),
        ("statement with a doubled line", [known, known], "statement_line_doubled"),
        ("statement cut short", [known], "statement_incomplete"),
    ):
        # The trailer counts two lines in all three.
        moment = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = [
            f"HDR,1,STATEMENT,DEMO-{code.upper().replace('_', '-')},SANDBOX,{moment}",
            f"ACC,SANDBOX-0001,SETT,{moment}",
            *(f"POS,{position}" for position in positions),
            "TRL,2",
        ]
        file = "".join(f"{line}\n" for line in lines).encode()
        refusal = world.first.refused(place, "import", file=file, custodian=custodian)
        world.refuse(what, refusal, status=422, code=code)
