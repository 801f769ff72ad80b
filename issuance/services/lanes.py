"""A signer's lane: which key is free, its next nonce, and what a numbered call carries."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Random

from core import events
from core.actors import system
from core.errors import DomainError
from core.failpoints import failpoint
from core.ids import new_uuid
from core.use_case import use_case
from issuance import queries
from issuance.models import ChainTransaction, Order, Signer, Token
from issuance.services import nodes
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    ChainTransactionKind,
    OrderStatus,
    SignerRole,
)

PIPELINE = system("issuance.pipeline")
# More unfinished transactions than this only move the queue from our table into the node's pool.
IN_FLIGHT_MAX = 16
# Whoever numbered a call signs and sends it at once; after this another worker takes it over.
HEAD_START = timedelta(seconds=5)


class LaneBusy(DomainError):
    """Every signer of the role is halted or has enough unfinished transactions."""

    code = "lane_busy"
    status = 503
    title = "The signer takes no new transaction now."
    retryable = True


class SignerMissing(DomainError):
    """No key plays the role on this chain."""

    code = "signer_missing"
    status = 503
    title = "No signer is set up for this role."


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A planned transaction: what to call and how much gas it may use.

    ``to`` is the token's contract unless it is named.
    """

    kind: ChainTransactionKind
    data: bytes
    gas: int
    attestation_id: uuid.UUID | None = None
    to: str = ""


@use_case
def pick_lane(*, token: Token, role: SignerRole) -> Signer:
    """The signer with the fewest unfinished transactions that nobody numbers with at this instant.

    The call is simulated as this very signer, so that what is signed is what was tried; the lane
    is locked again, by its id, when the call is numbered. Raises SignerMissing, LaneBusy,
    FinalityStalled, GasBudgetSpent or GasAccountsEmpty.
    """
    nodes.require_calm(network=token.network)
    lanes = Signer.objects.filter(chain_id=token.chain_id, role=role)
    if not lanes.exists():
        raise SignerMissing(network=token.network, role=role.lower())
    # A balance that was never read is no empty one.
    lanes = lanes.exclude(gas_account__is_empty=True)
    if not lanes.exists():
        raise nodes.GasAccountsEmpty(network=token.network, role=role.lower())
    open_rows = ChainTransaction.objects.filter(signer=OuterRef("pk")).exclude(
        status__in=CHAIN_TRANSACTION_FINAL
    )
    load = open_rows.order_by().values("signer").annotate(load=Count("pk")).values("load")
    free = lanes.filter(halted=False).annotate(load=Coalesce(Subquery(load), 0))
    # Random among equals, or all workers would crowd into the first.
    roomy = free.filter(load__lt=IN_FLIGHT_MAX).order_by("load", Random())
    found = _unlocked(roomy) or roomy.first()
    if found is None:
        raise LaneBusy(network=token.network)
    return found


def lock_lane(*, token: Token, role: SignerRole, signer_id: uuid.UUID) -> Signer:
    """The signer's row, locked: from here to commit nobody else numbers a transaction of it.

    Raises LaneBusy, SignerMissing, or HaltActive by an open breaker.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a lane is locked in the use case's transaction")
    # Before the lane: a recovery locks in this order.
    queries.require_recovered(network=token.network)
    rows = Signer.objects.select_for_update(no_key=True)
    signer = rows.filter(pk=signer_id, chain_id=token.chain_id, role=role).first()
    if signer is None:
        raise SignerMissing(network=token.network, role=role.lower())
    queries.require_not_halted(token=token)
    if signer.halted or queries.unfinished(signer=signer).count() >= IN_FLIGHT_MAX:
        raise LaneBusy(signer=signer.address)
    return signer


def number(*, signer: Signer, token: Token, call: Call, now: datetime) -> ChainTransaction:
    """Take the next nonce for ``call``; nothing is signed here. The lane must be locked."""
    row = ChainTransaction(
        id=new_uuid(),
        created_at=now,
        signer=signer,
        token=token,
        attestation_id=call.attestation_id,
        kind=call.kind,
        nonce=signer.next_nonce,
        to_address=call.to or token.address,
        calldata=call.data,
        gas_limit=call.gas,
        next_attempt_at=now + HEAD_START,
    )
    row.save(force_insert=True)
    signer.next_nonce += 1
    signer.save(update_fields=["next_nonce"])
    failpoint("assign.numbered")
    return row


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


def _unlocked(rows: QuerySet[Signer]) -> Signer | None:
    return rows.select_for_update(no_key=True, of=("self",), skip_locked=True).first()
