"""What the chain benchmark is compared with: pre-signed raw transactions, and the plain loop."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3

from bench.gas_peers import Ours, Sender
from config.devstack.anvil import Anvil
from issuance.chain import token as token_calls
from issuance.chain.client import ChainClient
from issuance.chain.signing import sign_with
from issuance.chain.types import Fees, OrderItem, SendKind, UnsignedCall

HOLDERS = 100
AMOUNT = 10**15
AT_ONCE = 50
DEADLINE_SECONDS = 120
SENDS_MAX = 5
ARRIVED = (SendKind.ACCEPTED, SendKind.ALREADY_KNOWN)
_order_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Bare:
    """A second token of the same contract with a key of its own, and nothing of ours around it."""

    anvil: Anvil
    node: ChainClient
    key: PrivateKey
    address: str
    holders: Sequence[str]

    @property
    def sender(self) -> str:
        """The key's own address."""
        return self.key.public_key.to_checksum_address()

    def sign(self, nonce: int, orders: Sequence[OrderItem], gas: int) -> bytes:
        form = UnsignedCall(
            chain_id=self.anvil.chain_id,
            nonce=nonce,
            to=self.address,
            data=token_calls.encode_mint_batch(orders),
            gas=gas,
            fees=Fees(max_fee=200 * 10**9, tip=10**9),
        )
        return sign_with(self.key, form).raw


def deploy(anvil: Anvil, *, seed: int) -> Bare:
    """While every transaction still gets its own block at once."""
    admin = Sender(anvil, anvil.accounts()[0])
    key = PrivateKey(keccak(text=f"bench bare issuer {seed}"))
    issuer = key.public_key.to_checksum_address()
    anvil.set_balance(issuer, 10**24)
    anvil.rpc("anvil_impersonateAccount", issuer)
    token = Ours(admin, Sender(anvil, issuer))
    holders = [
        to_checksum_address(keccak(text=f"bench bare holder {seed} {n}")[:20])
        for n in range(HOLDERS)
    ]
    token.onboard(holders)
    anvil.rpc("anvil_stopImpersonatingAccount", issuer)
    node = ChainClient("anvil", [anvil.url], anvil.chain_id)
    return Bare(anvil, node, key, token.address, holders)


def raw_rate(bare: Bare, *, batch: int, transactions: int) -> float:
    """Mints per second of pre-signed transactions with ``batch`` mints each, first send to last block."""
    first = bare.node.nonce(bare.sender, at="latest")
    orders = [_orders(bare, batch) for _ in range(transactions)]
    gas = bare.node.simulate(
        sender=bare.sender, to=bare.address, data=token_calls.encode_mint_batch(orders[0])
    )
    raws = [bare.sign(first + n, each, gas * 11 // 10 + 30_000) for n, each in enumerate(orders)]
    _await_block(bare)
    started = time.monotonic()
    for begin in range(0, transactions, AT_ONCE):
        _send(bare, raws[begin : begin + AT_ONCE])
    while (mined := bare.node.nonce(bare.sender, at="latest") - first) < transactions:
        if time.monotonic() - started > DEADLINE_SECONDS:
            raise RuntimeError(f"{mined} of {transactions} raw transactions were mined in time")
        time.sleep(0.02)
    return transactions * batch / (time.monotonic() - started)


def _send(bare: Bare, raws: list[bytes]) -> None:
    """One that did not arrive would hold up all that follow it: it goes again at once, or it raises."""
    for _ in range(SENDS_MAX):
        answers = bare.node.send_many(raws)
        raws = [raw for raw, said in zip(raws, answers, strict=True) if said.kind not in ARRIVED]
        if not raws:
            return
    raise RuntimeError(f"the node does not take {len(raws)} raw transactions")


def loop_rate(bare: Bare, *, seconds: float, wait: bool) -> float:
    """Mints per second of web3.py's loop: sign, send and, with ``wait``, wait for the receipt."""
    w3 = Web3(HTTPProvider(bare.anvil.url, request_kwargs={"proxies": {"no_proxy": "127.0.0.1"}}))
    account = w3.eth.account.from_key(bare.key.to_bytes())
    nonce = first = int(w3.eth.get_transaction_count(account.address))
    started = time.monotonic()
    tx_hash = None
    while time.monotonic() - started < seconds:
        (order,) = _orders(bare, 1)
        fields = {
            "to": bare.address, "nonce": nonce, "gas": 200_000, "chainId": bare.anvil.chain_id,
            "maxFeePerGas": 200 * 10**9, "maxPriorityFeePerGas": 10**9, "value": 0,
            "data": token_calls.encode_mint_batch([order]),
        }  # fmt: skip
        tx_hash = w3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
        nonce += 1
        if wait:
            w3.eth.wait_for_transaction_receipt(tx_hash, timeout=30, poll_latency=0.05)
    if not wait and tx_hash is not None:
        w3.eth.wait_for_transaction_receipt(tx_hash, timeout=60, poll_latency=0.05)
    return (nonce - first) / (time.monotonic() - started)


def _orders(bare: Bare, count: int) -> list[OrderItem]:
    return [OrderItem(next(_order_ids), bare.holders[n % HOLDERS], AMOUNT) for n in range(count)]


def _await_block(bare: Bare) -> None:
    """Start right after a block, so that every run has the same part of the first second."""
    before = bare.node.head().number
    while bare.node.head().number == before:
        time.sleep(0.01)
