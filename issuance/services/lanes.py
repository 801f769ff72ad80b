"""A signer's lane: which key is free, its next nonce, and what a numbered call carries."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce, Random

from core import breakers, events
from core.actors import system
from core.bulk import insert_many
from core.errors import DomainError
from core.failpoints import failpoint
from core.ids import new_uuid
from core.use_case import use_case
from custody import ledger
from issuance import queries
from issuance.models import ChainTransaction, ChainTransactionOrder, Order, Signer, Token
from issuance.services import carried, nodes
from issuance.states import (
    ChainTransactionKind,
    ChainTransactionStatus,
    OrderStatus,
    SignerRole,
)

PIPELINE = system("issuance.pipeline")
# More that no block holds yet only move the queue from our table into the node's pool. A network
# may be given another figure by CHAIN_IN_FLIGHT_MAX.
IN_FLIGHT_MAX = 16
_NOT_IN_BLOCK = (ChainTransactionStatus.ASSIGNED, ChainTransactionStatus.SENT)
# Whoever numbered a call signs and sends it at once; after this another worker takes it over.
HEAD_START = timedelta(seconds=5)


class LaneBusy(DomainError):
    """Every signer of the role is halted or has enough transactions that no block holds yet."""

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
def pick_lane(*, token: Token, role: SignerRole, urgent: bool = False) -> Signer:
    """The signer with the fewest transactions outside a block that nobody numbers with at this instant.

    The call is simulated as this very signer, so that what is signed is what was tried; the lane
    is locked again, by its id, when the call is numbered. An ``urgent`` call, one that stops
    something, waits neither for finality nor for a budget, and may use a key's last gas. Raises
    SignerMissing, LaneBusy, FinalityStalled, GasBudgetSpent or GasAccountsEmpty.
    """
    if not urgent:
        nodes.require_calm(network=token.network)
    lanes = Signer.objects.filter(chain_id=token.chain_id, role=role)
    if not lanes.exists():
        raise SignerMissing(network=token.network, role=role.lower())
    # A balance that was never read is no empty one.
    paying = lanes.exclude(gas_account__is_empty=True)
    if paying.exists():
        lanes = paying
    elif not urgent:
        raise nodes.GasAccountsEmpty(network=token.network, role=role.lower())
    open_rows = ChainTransaction.objects.filter(signer=OuterRef("pk"), status__in=_NOT_IN_BLOCK)
    load = open_rows.order_by().values("signer").annotate(load=Count("pk")).values("load")
    free = lanes.filter(halted=False).annotate(load=Coalesce(Subquery(load), 0))
    # Random among equals, or all workers would crowd into the first.
    roomy = free.filter(load__lt=in_flight_max(token.network)).order_by("load", Random())
    found = _unlocked(roomy) or roomy.first()
    if found is None:
        raise LaneBusy(network=token.network)
    return found


def lock_lane(
    *, token: Token, role: SignerRole, signer_id: uuid.UUID, despite_halt: bool = False
) -> Signer:
    """The signer's row, locked: from here to commit nobody else numbers a transaction of it.

    ``despite_halt`` is for what only lowers what a contract allows. Raises LaneBusy,
    SignerMissing, or HaltActive by an open breaker.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a lane is locked in the use case's transaction")
    # Before the lane: a recovery locks in this order.
    queries.require_recovered(network=token.network)
    rows = Signer.objects.select_for_update(no_key=True)
    signer = rows.filter(pk=signer_id, chain_id=token.chain_id, role=role).first()
    if signer is None:
        raise SignerMissing(network=token.network, role=role.lower())
    if not despite_halt:
        queries.require_not_halted(token=token)
    if signer.halted or not room(signer=signer):
        raise LaneBusy(signer=signer.address)
    return signer


def require_signable(*rows: ChainTransaction) -> None:
    """Raises HaltActive, naming the breaker, when one keeps any of the rows from its first signature.

    As many questions for a hundred rows as for one.
    """
    breakers.require_closed(*{name for row in rows for name in breakers_of(row)})
    # A closed fund has no open breaker, and takes no more mints than a frozen one.
    ledger.require_mintable(
        fund_ids={row.token.fund_id for row in rows if row.kind == ChainTransactionKind.MINT}
    )


def breakers_of(row: ChainTransaction) -> frozenset[str]:
    """The breakers that keep a row from its first signature while any of them is open.

    What only fills a nonce moves nothing of its token: it waits for its network alone. What only
    lowers a cap waits for none. A mint waits for its fund besides, as it does before it is numbered.
    """
    figure = row.attestation
    if figure is not None and row.token.is_lowered_by(figure.shares):
        return frozenset()
    if row.kind == ChainTransactionKind.FILL:
        return frozenset({queries.network_breaker(row.token.network)})
    names = queries.breaker_names(token=row.token)
    if row.kind == ChainTransactionKind.MINT:
        return frozenset({*names, row.token.fund.breaker})
    return frozenset(names)


def room(*, signer: Signer) -> int:
    """How many more transactions a lane takes before the first of them is in a block."""
    waiting = ChainTransaction.objects.filter(signer=signer, status__in=_NOT_IN_BLOCK).count()
    return max(in_flight_max(signer.network) - waiting, 0)


def in_flight_max(network: str) -> int:
    """The most transactions of one signer that no block holds yet."""
    return int(settings.CHAIN_IN_FLIGHT_MAX.get(network, IN_FLIGHT_MAX))


def number(*, signer: Signer, token: Token, call: Call, now: datetime) -> ChainTransaction:
    """Take the next nonce for ``call``; nothing is signed here. The lane must be locked."""
    (row,) = number_many(signer=signer, token=token, calls=[call], now=now)
    return row


def number_many(
    *, signer: Signer, token: Token, calls: Sequence[Call], now: datetime
) -> list[ChainTransaction]:
    """Take consecutive nonces for the calls, in their order. The lane must be locked."""
    rows = [
        ChainTransaction(
            id=new_uuid(),
            created_at=now,
            signer=signer,
            token=token,
            attestation_id=call.attestation_id,
            kind=call.kind,
            nonce=signer.next_nonce + place,
            to_address=call.to or token.address,
            calldata=call.data,
            gas_limit=call.gas,
            next_attempt_at=now + HEAD_START,
        )
        for place, call in enumerate(calls)
    ]
    if rows:
        insert_many(rows)
        signer.next_nonce += len(rows)
        signer.save(update_fields=["next_nonce"])
        failpoint("assign.numbered")
    return rows


def lock_transactions(*, ids: Iterable[uuid.UUID]) -> list[ChainTransaction]:
    """These transactions with their tokens, locked in id order; missing ones are left out."""
    rows = ChainTransaction.objects.select_for_update(no_key=True, of=("self",))
    # Of a hundred rows of one token, the token is read once.
    tokens = Prefetch("token", queries.tokens())
    return list(rows.filter(pk__in=list(ids)).order_by("pk").prefetch_related(tokens))


def bound_orders(row: ChainTransaction, *, status: OrderStatus | None = None) -> list[Order]:
    """The orders a transaction carries, locked, in the one order that event streams are locked."""
    return orders_by_transaction(rows=[row], status=status).get(row.pk, [])


def orders_by_transaction(
    *, rows: Sequence[ChainTransaction], status: OrderStatus | None = None
) -> dict[uuid.UUID, list[Order]]:
    """``bound_orders`` of several transactions, by transaction; all locked in id order."""
    orders = Order.objects.select_for_update(no_key=True)
    bound = dict(
        ChainTransactionOrder.objects.filter(chain_transaction__in=rows, live=True).values_list(
            "order_id", "chain_transaction_id"
        )
    )
    found = orders.filter(pk__in=bound.keys()).order_by("pk")
    if status is not None:
        found = found.filter(status=status)
    tokens = {row.pk: row.token for row in rows}
    grouped: dict[uuid.UUID, list[Order]] = {}
    for order in sorted(carried.read_orders(found), key=by_institution):
        carried.name_token(order=order, token=tokens[bound[order.pk]])
        grouped.setdefault(bound[order.pk], []).append(order)
    return grouped


def by_institution(order: Order) -> tuple[int, int]:
    """One order of locking event streams for everyone who needs several."""
    return order.institution_id.int, order.pk.int


def record_assigned(*, row: ChainTransaction, carries: Sequence[str], now: datetime) -> None:
    """The transaction's first event. Call it last: it locks the issuer's stream."""
    record_assigned_many(carried=[(row, len(carries))], now=now)


def record_assigned_many(*, carried: Sequence[tuple[ChainTransaction, int]], now: datetime) -> None:
    """``record_assigned`` for several: each with how many rows it carries."""
    said = [
        events.Happening(
            event_type="chain_transaction.assigned",
            row=row,
            data={
                "kind": row.kind.lower(),
                "network": row.token.network,
                "signer": row.signer.address,
                "nonce": row.nonce,
                "carries": count,
            },
        )
        for row, count in carried
    ]
    events.record_many(said, actor=PIPELINE, now=now)


def _unlocked(rows: QuerySet[Signer]) -> Signer | None:
    return rows.select_for_update(no_key=True, of=("self",), skip_locked=True).first()
