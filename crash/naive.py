"""The control: the plain task that most projects would write, under the very same faults.

It asks the node for the pending nonce, signs, sends, stores the hash after the send, and starts
again when an answer does not come in time. If it mints nothing twice, the harness is blind.
"""

import json
import signal
import time
from pathlib import Path

import psycopg
from eth_abi.abi import encode

from config.devstack.anvil import Anvil
from crash import children
from crash.facts import selector
from issuance.chain.client import ChainClient
from issuance.chain.errors import ChainError
from issuance.chain.signing import sign_with
from issuance.chain.types import Fees, SendKind, UnsignedCall
from issuance.chain.wallets import Wallet as Key
from tests.issuance.stage import NETWORK, secret

ARTIFACT = Path(__file__).with_name("control.json")
FEES = Fees(max_fee=300 * 10**9, tip=2 * 10**9)
GAS = 120_000
RECEIPT_SECONDS_MAX = 1.5
NAP = 0.2
DEPLOY_SECONDS_MAX = 20
_TABLE = """
    CREATE TABLE IF NOT EXISTS crash_control (
        order_id bigint PRIMARY KEY,
        status text NOT NULL DEFAULT 'NEW',
        tx_hash text NOT NULL DEFAULT '',
        leased_until timestamptz
    )
"""
_CLAIM = """
    UPDATE crash_control SET leased_until = now() + interval '3 seconds'
     WHERE order_id = (
        SELECT order_id FROM crash_control
         WHERE status = 'NEW' AND (leased_until IS NULL OR leased_until < now())
         ORDER BY order_id FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING order_id
"""
_DONE = "UPDATE crash_control SET status = 'DONE', tx_hash = %s WHERE order_id = %s"
_SENT = "UPDATE crash_control SET tx_hash = %s WHERE order_id = %s"


def key() -> Key:
    """The control's own hot key."""
    return Key(secret("control"))


def deploy(anvil: Anvil, node: ChainClient) -> str:
    """Put the control token on the chain, which mines at once; returns its address."""
    anvil.set_balance(key().address, 10**21)
    code = bytes.fromhex(json.loads(ARTIFACT.read_text())["bytecode"][2:])
    tx_hash = key().send(node, to=None, data=code, gas=2_000_000)
    deadline = time.monotonic() + DEPLOY_SECONDS_MAX
    while (receipt := node.receipt(tx_hash)) is None and time.monotonic() < deadline:
        time.sleep(NAP)
    assert receipt is not None
    assert receipt.contract_address is not None
    return receipt.contract_address


def open_orders(url: str, *, first: int, count: int) -> None:
    """Add orders for the control to mint."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute(
            "INSERT INTO crash_control (order_id) SELECT generate_series(%s::bigint, %s)",
            [first, first + count - 1],
        )


def fork(*, url: str, proxy_url: str, chain_id: int, contract: str) -> int:
    """Start the plain worker; returns its pid."""

    def run() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        node = ChainClient(NETWORK, [proxy_url], chain_id)
        while True:
            _try_turn(url, node, contract)

    return children.fork(run)


def _try_turn(url: str, node: ChainClient, contract: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
            _turn(connection, node, contract)
    except (ChainError, psycopg.Error):
        time.sleep(NAP)


def _turn(
    connection: "psycopg.Connection[tuple[object, ...]]", node: ChainClient, contract: str
) -> None:
    row = connection.execute(_CLAIM).fetchone()
    if row is None:
        time.sleep(NAP)
        return
    order_id = row[0]
    call = UnsignedCall(
        chain_id=node.chain_id,
        nonce=node.nonce(key().address, at="pending"),
        to=contract,
        data=bytes.fromhex(selector("mint(uint64,address,uint256)")[2:])
        + encode(["uint64", "address", "uint256"], [order_id, key().address, 10**18]),
        gas=GAS,
        fees=FEES,
    )
    signed = sign_with(key()._key, call)  # noqa: SLF001 - a wallet signs with its key
    if node.send(signed.raw).kind is not SendKind.ACCEPTED:
        return
    connection.execute(_SENT, [signed.hash, order_id])
    deadline = time.monotonic() + RECEIPT_SECONDS_MAX
    while time.monotonic() < deadline:
        if node.receipt(signed.hash) is not None:
            connection.execute(_DONE, [signed.hash, order_id])
            return
        time.sleep(NAP)
