"""The use cases of issuance: each is one function and one durable transaction, with no I/O."""

from issuance.services.approvals import approve_order, reject_order
from issuance.services.assignment import assign_orders, delay_order, doubt_order
from issuance.services.attestations import assign_attestation, record_attestation
from issuance.services.blocks import record_blocks
from issuance.services.escrow import record_logs
from issuance.services.inclusion import (
    record_broadcast,
    record_gone,
    record_inclusion,
    record_note,
    record_reorganised,
    save_attempt,
)
from issuance.services.orders import cancel_order, create_order, preview_order
from issuance.services.recovered_orders import record_asked
from issuance.services.recoveries import (
    begin_recovery,
    doubt_nonce,
    end_recovery,
    note_recovery,
    raise_fence,
    raise_sequence,
    record_fence_final,
    record_fenced,
)
from issuance.services.registers import assign_holders, want_holders
from issuance.services.settlement import finish_checking, requeue_checked, settle_transaction
from issuance.services.tokens import (
    close_token,
    raise_nonce,
    register_signer,
    register_token,
    reopen_token,
    trip,
)

__all__ = [
    "approve_order",
    "assign_attestation",
    "assign_holders",
    "assign_orders",
    "begin_recovery",
    "cancel_order",
    "close_token",
    "create_order",
    "delay_order",
    "doubt_nonce",
    "doubt_order",
    "end_recovery",
    "finish_checking",
    "note_recovery",
    "preview_order",
    "raise_fence",
    "raise_nonce",
    "raise_sequence",
    "record_asked",
    "record_attestation",
    "record_blocks",
    "record_broadcast",
    "record_fence_final",
    "record_fenced",
    "record_gone",
    "record_inclusion",
    "record_logs",
    "record_note",
    "record_reorganised",
    "register_signer",
    "register_token",
    "reject_order",
    "reopen_token",
    "requeue_checked",
    "save_attempt",
    "settle_transaction",
    "trip",
    "want_holders",
]
