"""Statuses of custody's rows and the moves each table allows."""

from django.db import models

from core.states import Table


class FundStatus(models.TextChoices):
    """Whether a fund takes new business. FROZEN halts minting; redeeming and delivering go on."""

    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    CLOSED = "CLOSED"


FUND_TRANSITIONS: Table = {
    FundStatus.ACTIVE: frozenset({FundStatus.FROZEN, FundStatus.CLOSED}),
    FundStatus.FROZEN: frozenset({FundStatus.ACTIVE, FundStatus.CLOSED}),
    FundStatus.CLOSED: frozenset(),
}


class DepositStatus(models.TextChoices):
    """Shares on their way in. Only settled quantities are posted to the ledger."""

    ADVISED = "ADVISED"
    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"
    FAILING = "FAILING"
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


_D = DepositStatus
_DEPOSIT_OPEN_ENDS = frozenset({_D.PARTIALLY_SETTLED, _D.SETTLED, _D.REJECTED, _D.CANCELLED})

DEPOSIT_TRANSITIONS: Table = {
    _D.ADVISED: _DEPOSIT_OPEN_ENDS | {_D.MATCHED, _D.UNMATCHED, _D.FAILING},
    _D.UNMATCHED: _DEPOSIT_OPEN_ENDS | {_D.MATCHED, _D.FAILING},
    _D.MATCHED: _DEPOSIT_OPEN_ENDS | {_D.FAILING},
    _D.FAILING: _DEPOSIT_OPEN_ENDS | {_D.MATCHED},
    _D.PARTIALLY_SETTLED: frozenset({_D.PARTIALLY_SETTLED, _D.SETTLED, _D.CANCELLED}),
    _D.SETTLED: frozenset({_D.REVERSED}),
    _D.REJECTED: frozenset(),
    _D.CANCELLED: frozenset(),
    _D.REVERSED: frozenset(),
}


class DeliveryStatus(models.TextChoices):
    """Shares on their way out, held in the ``releasing`` bucket until the custodian confirms."""

    REQUESTED = "REQUESTED"
    INSTRUCTED = "INSTRUCTED"
    FAILING = "FAILING"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


_V = DeliveryStatus
_DELIVERY_OPEN_ENDS = frozenset({_V.PARTIALLY_DELIVERED, _V.DELIVERED, _V.REJECTED, _V.CANCELLED})

DELIVERY_TRANSITIONS: Table = {
    _V.REQUESTED: frozenset({_V.INSTRUCTED, _V.CANCELLED}),
    _V.INSTRUCTED: _DELIVERY_OPEN_ENDS | {_V.FAILING},
    _V.FAILING: _DELIVERY_OPEN_ENDS | {_V.INSTRUCTED},
    _V.PARTIALLY_DELIVERED: frozenset({_V.PARTIALLY_DELIVERED, _V.DELIVERED, _V.CANCELLED}),
    _V.DELIVERED: frozenset(),
    _V.REJECTED: frozenset(),
    _V.CANCELLED: frozenset(),
}


class BreakStatus(models.TextChoices):
    """The life of a reconciliation difference. PROPOSED waits for a second person."""

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    ADJUSTED = "ADJUSTED"
    EXPLAINED = "EXPLAINED"


_B = BreakStatus

BREAK_TRANSITIONS: Table = {
    _B.OPEN: frozenset({_B.PROPOSED, _B.EXPLAINED}),
    _B.PROPOSED: frozenset({_B.OPEN, _B.ADJUSTED, _B.EXPLAINED}),
    _B.ADJUSTED: frozenset(),
    _B.EXPLAINED: frozenset(),
}


class BreakKind(models.TextChoices):
    """What disagreed with what."""

    POSITION_DIFFERS = "POSITION_DIFFERS"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    REFERENCE_REUSED = "REFERENCE_REUSED"
    CONFIRMATION_DIFFERS = "CONFIRMATION_DIFFERS"
    UNEXPECTED_MOVE = "UNEXPECTED_MOVE"
    FILE_REFUSED = "FILE_REFUSED"


class Severity(models.TextChoices):
    """How bad: S0 halts minting by itself, S1 is a difference, S2 is late, S3 is cosmetic."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"


class Bucket(models.TextChoices):
    """The kinds of ledger account. EXTERNAL is the outside world; SUSPENSE never counts."""

    EXTERNAL = "EXTERNAL"
    FREE = "FREE"
    RESERVED = "RESERVED"
    BACKING = "BACKING"
    RELEASING = "RELEASING"
    RESTRICTED = "RESTRICTED"
    SUSPENSE = "SUSPENSE"


# Everything the custodian holds for us as settled; a statement must show exactly this sum.
SETTLED_BUCKETS = (
    Bucket.FREE,
    Bucket.RESERVED,
    Bucket.BACKING,
    Bucket.RELEASING,
    Bucket.RESTRICTED,
)
INVESTOR_BUCKETS = (Bucket.FREE, Bucket.RESERVED, Bucket.RELEASING)
OWNERLESS_BUCKETS = (Bucket.EXTERNAL, Bucket.RESTRICTED, Bucket.SUSPENSE)


class TransferKind(models.TextChoices):
    """Why shares moved. custody/sql/ holds the lawful route of each kind."""

    SETTLE = "SETTLE"
    RESERVE = "RESERVE"
    UNRESERVE = "UNRESERVE"
    BACK = "BACK"
    BACK_EXECUTED = "BACK_EXECUTED"
    FAIL_MINT = "FAIL_MINT"
    RELEASE_BURN = "RELEASE_BURN"
    MOVE = "MOVE"
    START_DELIVERY = "START_DELIVERY"
    CANCEL_DELIVERY = "CANCEL_DELIVERY"
    DELIVER = "DELIVER"
    RESTRICT = "RESTRICT"
    UNRESTRICT = "UNRESTRICT"
    ADJUST = "ADJUST"
    REVERSE = "REVERSE"


class MessageKind(models.TextChoices):
    """What a custodian's file carries."""

    STATEMENT = "STATEMENT"
    CONFIRMATION = "CONFIRMATION"
    UNREADABLE = "UNREADABLE"


class MessageChannel(models.TextChoices):
    """The way a file came in."""

    PORTAL = "PORTAL"
    COMMAND = "COMMAND"
    CUSTODIAN = "CUSTODIAN"


class MessageStatus(models.TextChoices):
    """Whether a file was taken in whole or refused whole."""

    IMPORTED = "IMPORTED"
    REFUSED = "REFUSED"
