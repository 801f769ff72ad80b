"""How the clients in use word their refusals, mapped to a closed set; what fits nothing is OTHER.

A word here sorts a remark for the operator. None of them decides what became of a transaction.
"""

from typing import Any

from issuance.chain.contracts import read_revert
from issuance.chain.errors import (
    CallReverted,
    ChainError,
    ChainMismatch,
    ChainUnreachable,
    RateLimited,
    RpcRefused,
)
from issuance.chain.remarks import SendAnswer, SendKind

_EXECUTION_REVERTED = 3
_HTTP_TOO_MANY = 429
_QUICKNODE_LIMIT = -32007

# The first phrase found in the lower-cased text wins, so the more special ones come first.
SEND_WORDS: tuple[tuple[str, SendKind], ...] = (
    ("already known", SendKind.ALREADY_KNOWN),  # geth, erigon, besu, reth
    ("already imported", SendKind.ALREADY_KNOWN),  # anvil
    ("alreadyknown", SendKind.ALREADY_KNOWN),  # nethermind
    ("known transaction", SendKind.ALREADY_KNOWN),  # old geth, besu
    ("existing tx with same hash", SendKind.ALREADY_KNOWN),  # erigon
    ("already in mempool", SendKind.ALREADY_KNOWN),  # gateways
    ("nonce too low", SendKind.NONCE_TOO_LOW),  # geth, erigon, besu, reth, anvil
    ("nonce is too low", SendKind.NONCE_TOO_LOW),  # openethereum's words
    ("oldnonce", SendKind.NONCE_TOO_LOW),  # nethermind
    ("nonce is below", SendKind.NONCE_TOO_LOW),  # besu
    ("nonce too high", SendKind.NONCE_TOO_HIGH),  # geth, besu, anvil
    ("nonce gap", SendKind.NONCE_TOO_HIGH),  # erigon, nethermind's NonceGap as spelled by gateways
    ("noncegap", SendKind.NONCE_TOO_HIGH),  # nethermind
    ("noncetoofarinfuture", SendKind.NONCE_TOO_HIGH),  # nethermind
    ("nonce too distant", SendKind.NONCE_TOO_HIGH),  # erigon
    ("tx fee exceeds the configured cap", SendKind.FEE_ABOVE_NODE_CAP),
    ("exceeds the configured cap", SendKind.FEE_ABOVE_NODE_CAP),  # geth, erigon, reth
    ("fee cap exceeded", SendKind.FEE_ABOVE_NODE_CAP),  # besu
    ("underpriced", SendKind.UNDERPRICED),  # geth, erigon, besu, reth, anvil
    ("feetoolow", SendKind.UNDERPRICED),  # nethermind
    ("fee too low", SendKind.UNDERPRICED),  # erigon
    ("replacementnotallowed", SendKind.UNDERPRICED),  # nethermind
    ("less than block base fee", SendKind.UNDERPRICED),  # geth, reth, anvil
    ("below configured minimum gas price", SendKind.UNDERPRICED),  # besu
    ("gas price below", SendKind.UNDERPRICED),  # besu, gateways
    ("gas tip cap", SendKind.UNDERPRICED),  # geth: below its own minimum
    ("could not replace existing tx", SendKind.UNDERPRICED),  # erigon
    ("insufficient funds", SendKind.INSUFFICIENT_FUNDS),  # geth, erigon, nethermind, reth, anvil
    ("insufficientfunds", SendKind.INSUFFICIENT_FUNDS),  # nethermind
    ("upfront cost exceeds", SendKind.INSUFFICIENT_FUNDS),  # besu
    ("insufficient max fee", SendKind.INSUFFICIENT_FUNDS),
    ("exceeds block gas limit", SendKind.GAS_TOO_HIGH),  # geth, erigon, besu, reth
    ("gaslimitexceeded", SendKind.GAS_TOO_HIGH),  # nethermind
    ("gas_limit_cap", SendKind.GAS_TOO_HIGH),  # anvil
    ("exceeds maximum per-transaction gas", SendKind.GAS_TOO_HIGH),  # gateways
    ("gas limit too high", SendKind.GAS_TOO_HIGH),  # geth and reth since EIP-7825
    ("exceeds max transaction gas", SendKind.GAS_TOO_HIGH),  # reth
    ("exceeds per-transaction gas limit", SendKind.GAS_TOO_HIGH),  # besu
    ("intrinsic gas", SendKind.GAS_TOO_LOW),  # geth, erigon, besu, reth, anvil
    ("gas limit is below intrinsic", SendKind.GAS_TOO_LOW),
    ("pool is full", SendKind.POOL_FULL),  # geth, erigon, reth
    ("txpooloverflow", SendKind.POOL_FULL),
    ("account limit exceeded", SendKind.POOL_FULL),  # geth
    ("pool overflow", SendKind.POOL_FULL),
    ("in-flight transaction limit", SendKind.POOL_FULL),  # geth, of a delegated account
)

_SEND_ERRORS: tuple[tuple[type[ChainError], SendKind], ...] = (
    (ChainMismatch, SendKind.WRONG_CHAIN),
    (RateLimited, SendKind.RATE_LIMITED),
    (ChainUnreachable, SendKind.UNREACHABLE),
)

# The public gateways' ways of saying "later".
_LIMIT_WORDS = (
    "rate limit",
    "request limit",
    "rate exceeded",
    "too many requests",
    "compute units per second",
    "exceeded the rps limit",
    "daily request count exceeded",
    "capacity exceeded",
    "throughput limit",
)


def send_kind(message: str) -> SendKind:
    """What a refusal of our bytes says, OTHER when it is worded as no client we know does."""
    words = message.lower()
    return next((kind for phrase, kind in SEND_WORDS if phrase in words), SendKind.OTHER)


def remark(error: ChainError) -> SendAnswer:
    """What to note of a broadcast that a node did not accept."""
    if isinstance(error, RpcRefused):
        kind = send_kind(error.message)
    else:
        kinds = (kind for each, kind in _SEND_ERRORS if isinstance(error, each))
        kind = next(kinds, SendKind.OTHER)
    return SendAnswer(kind, str(error))


def is_limit(code: object, message: str) -> bool:
    """Whether a node only asks for patience; no word about what was asked."""
    words = message.lower()
    return code in (_HTTP_TOO_MANY, _QUICKNODE_LIMIT) or any(each in words for each in _LIMIT_WORDS)


def refusal(error: Any) -> ChainError:  # noqa: ANN401 - as the node answers
    """The error object of a JSON-RPC answer as one of ours."""
    if not isinstance(error, dict):
        return RpcRefused(0, str(error))
    code, message = error.get("code"), str(error.get("message", ""))
    data = error.get("data")
    if isinstance(data, dict):  # some nodes nest it
        data = data.get("data")
    raw = _hex(data)
    if code == _EXECUTION_REVERTED or (raw and "revert" in message):
        name, arguments = read_revert(raw) if raw else ("Reverted", ())
        return CallReverted(name, arguments, raw)
    if is_limit(code, message):
        return RateLimited(message[:200])
    return RpcRefused(code if isinstance(code, int) else 0, message)


def _hex(data: object) -> bytes:
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return b""
