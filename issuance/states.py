"""The statuses of issuance, their lawful moves, and how the API names them: tables, no logic."""

from collections.abc import Mapping

from django.db.models import TextChoices

from core.states import Table


class TokenStatus(TextChoices):
    """Whether new mints are taken for a token; redemptions always are."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"


class TokenStandard(TextChoices):
    """How a token contract is spoken to; only our own consumes order ids."""

    SHAREMINT = "SHAREMINT"
    ERC3643 = "ERC3643"


class Work(TextChoices):
    """The pieces of work the pipeline goes round with, each by token or by network."""

    RECOVER = "recover"
    REGISTER = "register"
    HOLD = "hold"
    ATTEST = "attest"
    ASSIGN = "assign"
    ADVANCE = "advance"
    CHECK = "check"
    CONCLUDE = "conclude"
    WATCH = "watch"
    LOOK = "look"
    FOLLOW = "follow"
    AUDIT = "audit"


class SignerRole(TextChoices):
    """What a hot key may sign for."""

    ISSUER = "ISSUER"
    COMPLIANCE = "COMPLIANCE"
    PAUSER = "PAUSER"


class HolderStatus(TextChoices):
    """How far a wallet's entry in a token's holder register has come."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    REGISTERED = "REGISTERED"
    FAILED = "FAILED"


class OrderType(TextChoices):
    """Shares into tokens, or tokens back into shares."""

    MINT = "MINT"
    REDEEM = "REDEEM"


class OrderStatus(TextChoices):
    """Where an order stands. CHECKING: its transaction died; the chain is asked by order id."""

    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    AWAITING_TOKENS = "AWAITING_TOKENS"
    IN_ESCROW = "IN_ESCROW"
    QUEUED = "QUEUED"
    SUBMITTED = "SUBMITTED"
    INCLUDED = "INCLUDED"
    CHECKING = "CHECKING"
    RETURNING = "RETURNING"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class MoveStatus(TextChoices):
    """How far a move of supply between two tokens of one fund has come.

    BURNING until the burn on the first chain is final, MINTING from then on. REJECTED and CANCELLED:
    nothing was burned. FAILED: it was, and the shares of what was not minted are free again.
    """

    BURNING = "BURNING"
    MINTING = "MINTING"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class ChainTransactionKind(TextChoices):
    """What a transaction asks of the token. FILL only consumes a nonce."""

    MINT = "MINT"
    BURN = "BURN"
    CANCEL_REDEEM = "CANCEL_REDEEM"
    REGISTER = "REGISTER"
    FREEZE = "FREEZE"
    PAUSE = "PAUSE"
    ATTEST = "ATTEST"
    FILL = "FILL"


class ChainTransactionStatus(TextChoices):
    """How far a transaction has come; only finalized evidence writes the last three."""

    ASSIGNED = "ASSIGNED"
    SENT = "SENT"
    INCLUDED = "INCLUDED"
    FINAL_OK = "FINAL_OK"
    FINAL_REVERTED = "FINAL_REVERTED"
    DEAD = "DEAD"


class Direction(TextChoices):
    """What a hold may stop."""

    MINT = "MINT"
    REDEEM = "REDEEM"
    TRANSFER = "TRANSFER"


class HoldStatus(TextChoices):
    """Whether a hold still stops anything. EXPIRED: its time was over; LIFTED: a person ended it."""

    ACTIVE = "ACTIVE"
    LIFTED = "LIFTED"
    EXPIRED = "EXPIRED"


class HoldOwner(TextChoices):
    """Whose hold it is: the same side lifts it."""

    COMPLIANCE = "COMPLIANCE"
    OPERATIONS = "OPERATIONS"


class HoldReason(TextChoices):
    """The public reason of a hold: it names no person and no suspicion."""

    CORPORATE_ACTION = "corporate_action"
    COMPLIANCE_REVIEW = "compliance_review"
    LEGAL_ORDER = "legal_order"
    SECURITY_INCIDENT = "security_incident"
    MAINTENANCE = "maintenance"


class NetworkStatus(TextChoices):
    """RECOVERING: the chain may know more than the database, so nothing is signed or given up."""

    OPERATING = "OPERATING"
    RECOVERING = "RECOVERING"


class RecoveryCause(TextChoices):
    """What made us doubt that the database knows all that was signed."""

    FAILOVER = "FAILOVER"
    NONCE = "NONCE"
    ORDER_ID = "ORDER_ID"
    OPERATOR = "OPERATOR"


class RecoveryStatus(TextChoices):
    """BEGUN: sequences jumped. FENCED: nonces filled. ASKING: orders asked by id, at finality."""

    BEGUN = "BEGUN"
    FENCED = "FENCED"
    ASKING = "ASKING"
    DONE = "DONE"


class RewindStatus(TextChoices):
    """Whether two people want a network's events to be read again."""

    PROPOSED = "PROPOSED"
    APPLIED = "APPLIED"
    WITHDRAWN = "WITHDRAWN"


def _table(moves: Mapping[str, tuple[str, ...]]) -> Table:
    return {str(before): frozenset(map(str, after)) for before, after in moves.items()}


_O = OrderStatus
ORDER_TRANSITIONS: Table = _table(
    {
        _O.AWAITING_APPROVAL: (_O.QUEUED, _O.RETURNING, _O.REJECTED, _O.CANCELLED),
        _O.AWAITING_TOKENS: (_O.IN_ESCROW, _O.CANCELLED),
        _O.IN_ESCROW: (_O.AWAITING_APPROVAL, _O.QUEUED),
        # To CHECKING when the chain says that its id is used: our commit may have been lost.
        _O.QUEUED: (
            _O.AWAITING_APPROVAL,
            _O.SUBMITTED,
            _O.CHECKING,
            _O.REJECTED,
            _O.CANCELLED,
        ),
        _O.SUBMITTED: (_O.INCLUDED, _O.CHECKING, _O.COMPLETED, _O.FAILED),
        _O.INCLUDED: (_O.SUBMITTED, _O.CHECKING, _O.COMPLETED, _O.FAILED),
        _O.CHECKING: (_O.QUEUED, _O.RETURNING, _O.COMPLETED, _O.FAILED),
        # Its tokens go back to the holder: signed, sent and followed like every other call.
        _O.RETURNING: (_O.REJECTED, _O.FAILED),
        _O.COMPLETED: (),
        _O.REJECTED: (),
        _O.CANCELLED: (),
        _O.FAILED: (),
    }
)

_T = ChainTransactionStatus
CHAIN_TRANSACTION_TRANSITIONS: Table = _table(
    {
        # A node may show a transaction that we believe was never sent: a crash hid the send.
        _T.ASSIGNED: (_T.SENT, _T.INCLUDED, _T.FINAL_OK, _T.FINAL_REVERTED, _T.DEAD),
        _T.SENT: (_T.INCLUDED, _T.FINAL_OK, _T.FINAL_REVERTED, _T.DEAD),
        # Back to SENT when the block that held it left the chain.
        _T.INCLUDED: (_T.SENT, _T.FINAL_OK, _T.FINAL_REVERTED, _T.DEAD),
        _T.FINAL_OK: (),
        _T.FINAL_REVERTED: (),
        _T.DEAD: (),
    }
)

_H = HolderStatus
HOLDER_TRANSITIONS: Table = _table(
    {
        # At once where the contract's own registry says so already.
        _H.PENDING: (_H.SUBMITTED, _H.REGISTERED),
        _H.SUBMITTED: (_H.REGISTERED, _H.PENDING, _H.FAILED),
        # Facts changed: the register is brought up to date.
        _H.REGISTERED: (_H.PENDING,),
        _H.FAILED: (_H.PENDING,),
    }
)

_M = MoveStatus
MOVE_TRANSITIONS: Table = _table(
    {
        _M.BURNING: (_M.MINTING, _M.REJECTED, _M.CANCELLED, _M.FAILED),
        _M.MINTING: (_M.COMPLETED, _M.FAILED),
        _M.COMPLETED: (),
        _M.REJECTED: (),
        _M.CANCELLED: (),
        _M.FAILED: (),
    }
)

TOKEN_TRANSITIONS: Table = _table(
    {TokenStatus.ACTIVE: (TokenStatus.CLOSED,), TokenStatus.CLOSED: (TokenStatus.ACTIVE,)}
)

_N = NetworkStatus
NETWORK_TRANSITIONS: Table = _table(
    {_N.OPERATING: (_N.RECOVERING,), _N.RECOVERING: (_N.OPERATING,)}
)

_R = RecoveryStatus
RECOVERY_TRANSITIONS: Table = _table(
    {
        # To BEGUN: a further failover, so everything is done once more.
        _R.BEGUN: (_R.BEGUN, _R.FENCED),
        _R.FENCED: (_R.BEGUN, _R.ASKING),
        _R.ASKING: (_R.BEGUN, _R.DONE),
        _R.DONE: (),
    }
)

REWIND_TRANSITIONS: Table = _table(
    {
        RewindStatus.PROPOSED: (RewindStatus.APPLIED, RewindStatus.WITHDRAWN),
        RewindStatus.APPLIED: (),
        RewindStatus.WITHDRAWN: (),
    }
)

HOLD_TRANSITIONS: Table = {
    HoldStatus.ACTIVE: frozenset({HoldStatus.LIFTED, HoldStatus.EXPIRED}),
    HoldStatus.LIFTED: frozenset(),
    HoldStatus.EXPIRED: frozenset(),
}

ORDER_FINAL = frozenset(status for status, after in ORDER_TRANSITIONS.items() if not after)
MOVE_FINAL = frozenset(status for status, after in MOVE_TRANSITIONS.items() if not after)
ORDER_CANCELLABLE = frozenset({_O.AWAITING_APPROVAL, _O.AWAITING_TOKENS, _O.QUEUED})
CHAIN_TRANSACTION_FINAL = frozenset(
    status for status, after in CHAIN_TRANSACTION_TRANSITIONS.items() if not after
)

# --- how the API names an order's status --------------------------------------------------------
# exact status -> (status, compliance_status, transfer_status, chain_status)
_API: dict[str, tuple[str, str, str, str]] = {
    _O.AWAITING_APPROVAL: ("pending", "review", "reserved", "none"),
    _O.AWAITING_TOKENS: ("pending", "allowed", "none", "awaiting_tokens"),
    _O.IN_ESCROW: ("pending", "allowed", "backing", "in_escrow"),
    _O.QUEUED: ("pending", "allowed", "reserved", "none"),
    _O.SUBMITTED: ("pending", "allowed", "backing", "submitted"),
    _O.INCLUDED: ("pending", "allowed", "backing", "included"),
    _O.CHECKING: ("pending", "allowed", "backing", "checking"),
    _O.RETURNING: ("pending", "refused", "backing", "returning"),
    _O.COMPLETED: ("completed", "allowed", "settled", "final"),
    _O.REJECTED: ("rejected", "refused", "released", "none"),
    _O.CANCELLED: ("cancelled", "allowed", "released", "none"),
    _O.FAILED: ("failed", "allowed", "released", "failed"),
}
# A redemption's shares stay in backing, and its tokens in escrow, until the burn is final.
_API_REDEEM: dict[str, tuple[str, str, str, str]] = {
    _O.AWAITING_APPROVAL: ("pending", "review", "backing", "in_escrow"),
    _O.QUEUED: ("pending", "allowed", "backing", "in_escrow"),
    _O.REJECTED: ("rejected", "refused", "none", "returned"),
    _O.CANCELLED: ("cancelled", "allowed", "none", "none"),
    _O.FAILED: ("failed", "allowed", "backing", "failed"),
}
API_STATUSES = ("pending", "completed", "rejected", "cancelled", "failed")


def api_axes(*, order_type: str, status: str) -> tuple[str, str, str, str]:
    """(status, compliance_status, transfer_status, chain_status) as the API shows them."""
    if order_type == OrderType.REDEEM and status in _API_REDEEM:
        return _API_REDEEM[status]
    return _API[status]


def exact_statuses(api_status: str) -> list[str]:
    """The stored statuses that the API shows as ``api_status``."""
    return [status for status, axes in _API.items() if axes[0] == api_status]


def move_api_status(status: str) -> str:
    """The stored status of a move as the API shows it, one of API_STATUSES."""
    return status.lower() if status in MOVE_FINAL else "pending"


def exact_move_statuses(api_status: str) -> list[str]:
    """The stored statuses of a move that the API shows as ``api_status``."""
    return [status for status in MoveStatus.values if move_api_status(status) == api_status]
