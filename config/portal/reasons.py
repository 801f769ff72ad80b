"""Why something waits, in words a person understands, from what the rows say."""

from core.models import Breaker
from core.states import BreakerStatus
from issuance import queries
from issuance.models import ChainTransaction, Order
from issuance.pipeline.walls import FAULT
from issuance.states import ChainTransactionStatus, OrderStatus

_ORDER_STATUS = {
    OrderStatus.AWAITING_APPROVAL: "A second person must approve or reject it.",
    OrderStatus.AWAITING_TOKENS: "The holder has not put the tokens into escrow. The institution may"
    " cancel it.",
    OrderStatus.CHECKING: "Its transaction died; the chain is asked by order id at finality.",
    OrderStatus.RETURNING: "Its tokens go back to the holder; the transaction for it is missing.",
}
_REASONS = {
    "hold_active": "A hold stops it: look under Holds. It goes on when the hold ends.",
    "chain_cap_exceeded": "The attested cap leaves no room until custody has settled more.",
    "chain_attestation_stale": "The custodian's figure on chain is too old: see Attestations.",
    "chain_mint_is_paused": "Minting is paused at the contract; the admin ends that.",
    "chain_mint_limit_exceeded": "The day's mint limit of the issuing key is used up; it refills.",
    "chain_access_control_unauthorized_account": "The issuing key has lost its role at the contract.",
    "signer_refused": "The limits of the issuing key in policy.json forbid it: raise them, or cancel it.",
    FAULT: "A worker met an error that no rule foresees: see the chain monitor. It is tried again.",
}


def order_reason(order: Order) -> str:
    """Why an order waits."""
    if order.status != OrderStatus.QUEUED:
        return _ORDER_STATUS.get(OrderStatus(order.status), "It is on its way.")
    halted = _halt_of(queries.breaker_names(token=order.token))
    if halted:
        return halted
    if order.reason_code in _REASONS:
        return _REASONS[order.reason_code]
    if order.reason_code:
        return f"The contract would refuse it: {order.reason_code.replace('_', ' ')}."
    return "No room under the attested cap, a busy lane, or no chain worker: see the chain monitor."


def transaction_reason(row: ChainTransaction) -> str:
    """Why a chain transaction is not final."""
    if row.cancel_asked_at is not None:
        return "It was called off; the empty transfer at its nonce is not final yet."
    if row.status == ChainTransactionStatus.INCLUDED:
        return f"It is in block {row.include_block}; only finality is missing."
    unmined = queries.unfinished(signer=row.signer).exclude(status=ChainTransactionStatus.INCLUDED)
    lowest = unmined.first()
    if lowest is not None and lowest.nonce < row.nonce:
        return f"It waits behind nonce {lowest.nonce} of the same key."
    if not row.attempts_signed.exists():
        halted = _halt_of(queries.breaker_names(token=row.token))
        return halted or f"It is not signed yet. {row.last_note or 'Is a chain worker running?'}"
    note = f" Last: {row.last_note}." if row.last_note else ""
    return f"It was sent and no block has taken it, most likely for its price.{note}"


def _halt_of(names: tuple[str, ...]) -> str:
    opened = Breaker.objects.filter(name__in=names, status=BreakerStatus.OPEN).first()
    return f"{opened.name} is halted: {opened.reason}" if opened else ""
