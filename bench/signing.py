"""Signatures per second on one core: the whole path of a permitted call, its peer and its limit.

Ours reads the call against the signer's policy, encodes, signs, and recovers the sender from the
bytes before it believes them. eth-account's ``sign_transaction`` encodes and signs, and proves
nothing. coincurve's bare ECDSA over a ready digest is what no path can beat. One thread, CPU time,
so that a busy machine slows all alike.
"""

import statistics
import time
from collections.abc import Callable

from coincurve import PrivateKey as BareKey
from eth_account import Account
from eth_utils.crypto import keccak

from bench.report import Row
from issuance.chain.permissions import Permission, SignerPolicy
from issuance.chain.signer import LocalSigner
from issuance.chain.token import encode_mint_batch
from issuance.chain.types import Fees, OrderItem, UnsignedCall

ROUNDS = 5
ROUND_SECONDS = 0.4
CHAIN_ID = 31_337
CONTRACT = Account.from_key(keccak(text="bench contract")).address
HOLDER = Account.from_key(keccak(text="bench holder")).address
GAS = 200_000
MAX_FEE, TIP = 2 * 10**9, 10**6
# Of eth-account's figure, though we check twice what it does not check at all.
BAR = 1.0


def measure(*, rounds: int = ROUNDS, round_seconds: float = ROUND_SECONDS) -> list[Row]:
    """The row "signing rate"; the three take turns and the median round of each counts."""
    paths = {"ours": _ours(), "peer": _eth_account(), "limit": _bare()}
    rates: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, sign in paths.items():
            rates[name].append(_rate(sign, round_seconds))
    ours, peer, limit = (statistics.median(rates[name]) for name in paths)
    return [
        Row(
            metric="transactions signed, policy and proof included",
            value=ours,
            unit="1/s per core",
            peer="eth-account sign_transaction, neither policy nor proof",
            peer_value=peer,
            limit="bare coincurve ECDSA of a digest",
            limit_value=limit,
            bar=BAR,
        )
    ]


def _rate(sign: Callable[[int], object], seconds: float) -> float:
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for nonce in range(done, done + 20):
            sign(nonce)
        done += 20
    return done / spent


def _data() -> bytes:
    return encode_mint_batch([OrderItem(1, HOLDER, 10**18)])


def _ours() -> Callable[[int], object]:
    permission = Permission(CHAIN_ID, "ISSUER", CONTRACT)
    signer = LocalSigner(keccak(text="bench key"), policies=SignerPolicy(frozenset({permission})))
    data, fees = _data(), Fees(MAX_FEE, TIP)
    return lambda nonce: signer.sign(UnsignedCall(CHAIN_ID, nonce, CONTRACT, data, GAS, fees))


def _eth_account() -> Callable[[int], object]:
    account, data = Account.from_key(keccak(text="bench key")), _data()
    return lambda nonce: account.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": CONTRACT,
            "data": data,
            "gas": GAS,
            "maxFeePerGas": MAX_FEE,
            "maxPriorityFeePerGas": TIP,
            "value": 0,
        }
    )


def _bare() -> Callable[[int], object]:
    key, digest = BareKey(keccak(text="bench key")), keccak(text="a digest")
    return lambda _: key.sign_recoverable(digest, hasher=None)
