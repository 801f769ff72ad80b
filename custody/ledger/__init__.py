"""The only door to the share ledger: each function is one posting inside the caller's transaction.

Each posting carries an idempotency key and returns the transfer's id; the same key with the same
content returns the first id again. After a refusal the transaction can only be rolled back, so
let the refusal leave the use case.
"""

from custody.ledger.accounts import (
    halt,
    lock_funds,
    lock_owners,
    open_fund,
    open_investor,
    open_token,
    require_mintable,
    require_running,
    resume,
)
from custody.ledger.caps import note_cap
from custody.ledger.claims import (
    are_claims_known,
    claimed,
    doubt_claims,
    note_supply,
    vouch_for_claims,
)
from custody.ledger.corrections import adjust, restrict, reverse, unrestrict
from custody.ledger.movements import (
    cancel_delivery,
    finish_delivery,
    settle_deposit,
    start_delivery,
)
from custody.ledger.orders import (
    OrderShares,
    back,
    back_executed,
    back_many,
    carry_over,
    fail_mint,
    release_burn,
    reserve,
    reserve_many,
    unreserve,
)
from custody.ledger.posting import (
    AccountNotOpen,
    AlreadyReversed,
    InsufficientShares,
    KeyReused,
    LedgerHalted,
    PostingInvalid,
)

__all__ = [
    "AccountNotOpen",
    "AlreadyReversed",
    "InsufficientShares",
    "KeyReused",
    "LedgerHalted",
    "OrderShares",
    "PostingInvalid",
    "adjust",
    "are_claims_known",
    "back",
    "back_executed",
    "back_many",
    "cancel_delivery",
    "carry_over",
    "claimed",
    "doubt_claims",
    "fail_mint",
    "finish_delivery",
    "halt",
    "lock_funds",
    "lock_owners",
    "note_cap",
    "note_supply",
    "open_fund",
    "open_investor",
    "open_token",
    "release_burn",
    "require_mintable",
    "require_running",
    "reserve",
    "reserve_many",
    "restrict",
    "resume",
    "reverse",
    "settle_deposit",
    "start_delivery",
    "unreserve",
    "unrestrict",
    "vouch_for_claims",
]
