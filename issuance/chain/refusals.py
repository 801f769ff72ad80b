"""How the clients in use word their refusals, mapped to a closed set; what fits nothing is OTHER.

A word here sorts a remark for the operator. None of them decides what became of a transaction.
"""

import re
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

# In the lower-cased text; the first that is found wins, so the more special ones come first. The
# texts are those of the clients' own sources: go-ethereum core/txpool/errors.go, erigon
# txpoolcfg.DiscardReason, nethermind AcceptTxResult, besu RpcErrorType, reth RpcPoolError and
# RpcInvalidTransactionError, anvil InvalidTransactionError, nitro, op-geth.
_SEND_WORDS: tuple[tuple[SendKind, str], ...] = (
    (
        SendKind.ALREADY_KNOWN,
        (
            r"already known|alreadyknown|already imported|\bknown transaction|existing txn? with same hash"
            r"|already in mempool|same hash was already imported"
        ),
    ),
    (
        SendKind.NONCE_TOO_LOW,
        r"nonce (is )?too low|oldnonce|ownnoncealreadyused|nonce is below|invalid transaction nonce",
    ),
    (
        SendKind.NONCE_TOO_HIGH,
        r"nonce too high|nonce gap|noncegap|gapped-nonce|noncetoofarinfuture|nonce is too distant",
    ),
    (SendKind.FEE_ABOVE_NODE_CAP, r"exceeds the configured cap|fee cap exceeded"),
    (
        SendKind.INSUFFICIENT_FUNDS,
        r"insufficient ?funds|insufficient balance|upfront cost exceeds|not enough funds",
    ),
    (
        SendKind.GAS_TOO_HIGH,
        (
            r"exceeds block gas limit|gaslimitexceeded|gas_limit_cap|gas limit (is )?too high"
            r"|intrinsic gas too high|exceeds (the )?(max|maximum|per-transaction|transaction) .*gas"
            r"|cost exceeds current gas limit|supplied gas is beyond limit"
        ),
    ),
    (SendKind.GAS_TOO_LOW, r"intrinsic ?gas|gas is too low\. there is not enough gas"),
    (
        SendKind.UNDERPRICED,
        (
            r"underpriced|fee ?too ?low|replacementnotallowed|less than block base fee"
            r"|below current base fee|below configured minimum gas price|gas price (is )?too low"
            r"|gas tip cap|could not replace existing tx|another transaction with same nonce"
        ),
    ),
    (
        SendKind.POOL_FULL,
        (
            r"pool is full|pooloverflow|account limit exceeded|in-flight transaction limit|\bspammer\b"
            r"|too many transactions in the queue"
        ),
    ),
)
_SEND_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _SEND_WORDS)

_SEND_ERRORS: tuple[tuple[type[ChainError], SendKind], ...] = (
    (ChainMismatch, SendKind.WRONG_CHAIN),
    (RateLimited, SendKind.RATE_LIMITED),
    (ChainUnreachable, SendKind.UNREACHABLE),
)

# The public gateways' ways of saying "later". Their codes say less than their words: -32005 and
# -32007 mean other things to besu.
_LIMIT = re.compile(
    r"rate.?limit|request limit reached|rate exceeded|too many (concurrent )?requests|rps limit"
    r"|compute units per second|daily request count exceeded|throughput limit|credits? limit"
)
_URL = re.compile(r"(https?|wss?)://\S+")


def send_kind(message: str) -> SendKind:
    """What a refusal of our bytes says, OTHER when it is worded as no client we know does."""
    words = message.lower()
    kinds = (kind for kind, pattern in _SEND_PATTERNS if pattern.search(words))
    return next(kinds, SendKind.OTHER)


def remark(error: ChainError) -> SendAnswer:
    """What to note of a broadcast that a node did not accept."""
    if isinstance(error, RpcRefused):
        kind = send_kind(error.message)
    else:
        kinds = (kind for each, kind in _SEND_ERRORS if isinstance(error, each))
        kind = next(kinds, SendKind.OTHER)
    return SendAnswer(kind, str(error))


def is_failure(error: ChainError | None) -> bool:
    """Whether the node failed, and not merely declined what was asked."""
    return error is not None and not isinstance(error, CallReverted | RpcRefused)


def is_limit(code: object, message: str) -> bool:
    """Whether a node only asks for patience; no word about what was asked."""
    return code == _HTTP_TOO_MANY or _LIMIT.search(message.lower()) is not None


def refusal(error: Any) -> ChainError:  # noqa: ANN401 - as the node answers
    """The error object of a JSON-RPC answer as one of ours."""
    if not isinstance(error, dict):
        return RpcRefused(0, _URL.sub("(url)", str(error)))
    # A gateway may quote the address it was asked at, with the key in it.
    code, message = error.get("code"), _URL.sub("(url)", str(error.get("message", "")))
    data = error.get("data")
    if isinstance(data, dict):  # some nodes nest it
        data = data.get("data")
    raw = _hex(data)
    if code == _EXECUTION_REVERTED or (raw and "revert" in message):
        name, arguments = read_revert(raw) if raw else ("Reverted", ())
        return CallReverted(name, arguments, raw)
    if is_limit(code, message):
        return RateLimited("asked too often")
    return RpcRefused(code if isinstance(code, int) else 0, message)


def _hex(data: object) -> bytes:
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return b""
