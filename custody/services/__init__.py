"""The use cases of custody: each is one transaction, and none calls another."""

from custody.services.breaks import (
    approve_adjustment,
    explain_break,
    propose_adjustment,
    withdraw_proposal,
)
from custody.services.deliveries import cancel_delivery, request_delivery
from custody.services.deposits import (
    FundNotKept,
    QuantityStep,
    ReferenceUsed,
    advise_deposit,
    cancel_deposit,
)
from custody.services.freezing import close_fund, freeze_fund, propose_thaw, thaw_fund
from custody.services.imports import Imported, import_statement, pass_over_file
from custody.services.sending import (
    CapStillHigh,
    ClaimsUnknown,
    SharesClaimed,
    begin_delivery_instruction,
    begin_deposit_advice,
    note_cap_awaited,
    note_claims_awaited,
    note_held,
    note_not_sent,
    note_sent,
)
from custody.services.setup import add_custodian, add_custody_account, seed_funds

__all__ = [
    "CapStillHigh",
    "ClaimsUnknown",
    "FundNotKept",
    "Imported",
    "QuantityStep",
    "ReferenceUsed",
    "SharesClaimed",
    "add_custodian",
    "add_custody_account",
    "advise_deposit",
    "approve_adjustment",
    "begin_delivery_instruction",
    "begin_deposit_advice",
    "cancel_delivery",
    "cancel_deposit",
    "close_fund",
    "explain_break",
    "freeze_fund",
    "import_statement",
    "note_cap_awaited",
    "note_claims_awaited",
    "note_held",
    "note_not_sent",
    "note_sent",
    "pass_over_file",
    "propose_adjustment",
    "propose_thaw",
    "request_delivery",
    "seed_funds",
    "thaw_fund",
    "withdraw_proposal",
]
