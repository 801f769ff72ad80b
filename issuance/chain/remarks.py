"""What nodes say when our bytes are sent to them: remarks for the operator, never outcomes."""

from dataclasses import dataclass
from enum import StrEnum


class SendKind(StrEnum):
    """How a node received our bytes. None of these proves that the transaction will not mine."""

    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    UNDERPRICED = "underpriced"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    GAS_TOO_HIGH = "gas_too_high"
    GAS_TOO_LOW = "gas_too_low"
    POOL_FULL = "pool_full"
    FEE_ABOVE_NODE_CAP = "fee_above_node_cap"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    WRONG_CHAIN = "wrong_chain"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """One node's answer to a broadcast: a remark for the operator, never an outcome."""

    kind: SendKind
    detail: str = ""
