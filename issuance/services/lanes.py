"""A signer's lane: nonce, call, signed bytes and what they carry, all in the caller's transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core import events
from core.actors import system
from core.errors import DomainError
from core.failpoints import failpoint
from core.ids import new_uuid
from issuance import queries
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction, Order, Signer, Token
from issuance.states import ChainTransactionKind, OrderStatus, SignerRole

PIPELINE = system("issuance.pipeline")
# More unfinished transactions than this only move the queue from our table into the node's pool.
IN_FLIGHT_MAX = 16


class LaneBusy(DomainError):
    """The signer is halted or has enough unfinished transactions; nothing was numbered."""

    code = "lane_busy"
    status = 503
    title = "The signer takes no new transaction now."
    retryable = True


class WrongKey(DomainError):
    """The key at hand is not the signer's."""

    code = "wrong_key"
    status = 500
    title = "The key does not belong to this signer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A planned transaction: what to call, how much gas it may use and at what price."""

    kind: ChainTransactionKind
    data: bytes
    gas: int
    fees: chain.Fees
    attestation_id: uuid.UUID | None = None


def lock_lane(*, token: Token, role: SignerRole, key: chain.Signer) -> Signer:
    """The signer's row, locked: from here to commit nobody else numbers a transaction of it.

    Raises LaneBusy, WrongKey, or HaltActive by an open breaker.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a lane is locked in the use case's transaction")
    signer = Signer.objects.select_for_update(no_key=True).get(chain_id=token.chain_id, role=role)
    if signer.address.lower() != key.address.lower():
        raise WrongKey
    queries.require_not_halted(token=token)
    if signer.halted or queries.unfinished(signer=signer).count() >= IN_FLIGHT_MAX:
        raise LaneBusy(signer=signer.address)
    return signer


def number_and_sign(
    *, signer: Signer, token: Token, call: Call, key: chain.Signer, now: datetime
) -> ChainTransaction:
    """Take the next nonce for ``call``, sign it and keep the bytes. The lane must be locked."""
    row = ChainTransaction(
        id=new_uuid(),
        created_at=now,
        signer=signer,
        token=token,
        attestation_id=call.attestation_id,
        kind=call.kind,
        nonce=signer.next_nonce,
        to_address=token.address,
        calldata=call.data,
        gas_limit=call.gas,
        next_attempt_at=now,
    )
    row.save(force_insert=True)
    signer.next_nonce += 1
    signer.save(update_fields=["next_nonce"])
    sign_attempt(row=row, sequence=1, fees=call.fees, key=key, now=now)
    failpoint("assign.signed")
    return row


def sign_attempt(
    *, row: ChainTransaction, sequence: int, fees: chain.Fees, key: chain.Signer, now: datetime
) -> Attempt:
    """Sign the call at its own nonce and keep the bytes. Raises SignerError; nothing is kept then."""
    signed = key.sign(
        chain.UnsignedCall(
            chain_id=row.token.chain_id,
            nonce=row.nonce,
            to=row.to_address,
            data=bytes(row.calldata),
            gas=row.gas_limit,
            fees=fees,
        )
    )
    return Attempt.objects.create(
        chain_transaction=row,
        sequence=sequence,
        tx_hash=signed.hash,
        raw=signed.raw,
        max_fee_wei=fees.max_fee,
        tip_wei=fees.tip,
        created_at=now,
    )


def bound_orders(row: ChainTransaction, *, status: OrderStatus | None = None) -> list[Order]:
    """The orders a transaction carries, locked, in the one order that event streams are locked."""
    orders = Order.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "token__fund", "wallet", "investor"
    )
    found = orders.filter(bindings__chain_transaction=row, bindings__live=True).order_by("pk")
    if status is not None:
        found = found.filter(status=status)
    return sorted(found, key=by_institution)


def by_institution(order: Order) -> tuple[int, str]:
    """One order of locking event streams for everyone who needs several."""
    return order.institution_id.int, str(order.pk)


def record_assigned(*, row: ChainTransaction, carries: Sequence[str], now: datetime) -> None:
    """The transaction's first event. Call it last: it locks the issuer's stream."""
    events.record(
        event_type="chain_transaction.assigned",
        row=row,
        actor=PIPELINE,
        now=now,
        data={
            "kind": row.kind.lower(),
            "network": row.token.network,
            "signer": row.signer.address,
            "nonce": row.nonce,
            "carries": len(carries),
        },
    )
