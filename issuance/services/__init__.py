"""The use cases of issuance: each is one function and one durable transaction, with no I/O."""

from issuance.services.approvals import approve_order, reject_order
from issuance.services.assignment import (
    assign_orders,
    assign_wave,
    delay_order,
    doubt_order,
    refuse_order,
)
from issuance.services.attestations import assign_attestation, record_attestation
from issuance.services.blocks import record_blocks
from issuance.services.cancels import cancel_transaction
from issuance.services.escrow import record_logs
from issuance.services.expectations import announce_change
from issuance.services.forms import record_broadcasts, save_attempts
from issuance.services.holds import expire_holds, lift_hold, place_hold
from issuance.services.inclusion import (
    look_again_later,
    record_gone,
    record_inclusion,
    record_inclusions,
    record_note,
    record_reorganised,
)
from issuance.services.lanes import pick_lane
from issuance.services.mending import hurry_transaction, look_again, retry_holder
from issuance.services.moves import cancel_move, conclude_move, create_move, preview_move
from issuance.services.nodes import record_look
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
from issuance.services.rewinds import apply_rewind, propose_rewind, withdraw_rewind
from issuance.services.settlement import (
    finish_checking,
    requeue_checked,
    settle_mints,
    settle_transaction,
)
from issuance.services.signers import halt_signer, resume_signer
from issuance.services.stops import assign_stops, record_stops, want_stops
from issuance.services.tokens import (
    close_token,
    register_signer,
    register_token,
    reopen_token,
    trip,
)
from issuance.services.vouching import funds_in_doubt, vouch_for_fund

__all__ = [
    "announce_change",
    "apply_rewind",
    "approve_order",
    "assign_attestation",
    "assign_holders",
    "assign_orders",
    "assign_stops",
    "assign_wave",
    "begin_recovery",
    "cancel_move",
    "cancel_order",
    "cancel_transaction",
    "close_token",
    "conclude_move",
    "create_move",
    "create_order",
    "delay_order",
    "doubt_nonce",
    "doubt_order",
    "end_recovery",
    "expire_holds",
    "finish_checking",
    "funds_in_doubt",
    "halt_signer",
    "hurry_transaction",
    "lift_hold",
    "look_again",
    "look_again_later",
    "note_recovery",
    "pick_lane",
    "place_hold",
    "preview_move",
    "preview_order",
    "propose_rewind",
    "raise_fence",
    "raise_sequence",
    "record_asked",
    "record_attestation",
    "record_blocks",
    "record_broadcasts",
    "record_fence_final",
    "record_fenced",
    "record_gone",
    "record_inclusion",
    "record_inclusions",
    "record_logs",
    "record_look",
    "record_note",
    "record_reorganised",
    "record_stops",
    "refuse_order",
    "register_signer",
    "register_token",
    "reject_order",
    "reopen_token",
    "requeue_checked",
    "resume_signer",
    "retry_holder",
    "save_attempts",
    "settle_mints",
    "settle_transaction",
    "trip",
    "vouch_for_fund",
    "want_holders",
    "want_stops",
    "withdraw_rewind",
]
