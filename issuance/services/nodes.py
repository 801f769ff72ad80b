"""What the watch saw of nodes, finality and gas: kept for everybody, and asked before new work."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import DecimalField, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce

from core.errors import DomainError
from core.use_case import use_case
from issuance.chain.scores import NodeHealth
from issuance.chain.types import Head
from issuance.models import (
    Attempt,
    ChainTransaction,
    GasAccount,
    NetworkLook,
    NodeScore,
    Signer,
)
from issuance.states import CHAIN_TRANSACTION_FINAL

BUDGET_PERIOD = timedelta(days=1)
_NOTE_LENGTH_MAX = 200
_WEI = DecimalField(max_digits=38, decimal_places=0)


class FinalityStalled(DomainError):
    """The network makes no block final: what is under way settles later, nothing new begins."""

    code = "finality_stalled"
    status = 503
    title = "The network makes no block final at present."
    retryable = True


class GasBudgetSpent(DomainError):
    """The day's gas budget is used up; it frees itself as the hours pass, or a person raises it."""

    code = "gas_budget_spent"
    status = 503
    title = "The budget for transaction fees is spent."
    retryable = True


class GasAccountsEmpty(DomainError):
    """No key of the role can pay for gas."""

    code = "gas_account_empty"
    status = 503
    title = "No signer can pay for a transaction."
    retryable = True


_WAITS: Mapping[str, type[DomainError]] = {
    each.code: each for each in (FinalityStalled, GasBudgetSpent)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a network. ``balances`` holds wei by signer id, only for those that were read."""

    network: str
    finalized: Head | None = None
    finalized_at: datetime | None = None
    clock_skew_seconds: int | None = None
    gas_spent_wei: int = 0
    alarm: str = ""
    note: str = ""
    nodes: Sequence[NodeHealth] = ()
    balances: Mapping[uuid.UUID, int] = field(default_factory=dict)
    gas_floor_wei: int = 0


@use_case
def record_look(*, look: Look, now: datetime) -> None:
    """Overwrite what was seen before; the newest look of any worker counts."""
    NetworkLook.objects.update_or_create(
        network=look.network,
        defaults={
            "finalized": look.finalized.number if look.finalized else None,
            "finalized_at": look.finalized_at,
            "clock_skew_seconds": look.clock_skew_seconds,
            "gas_spent_wei": look.gas_spent_wei,
            "alarm": look.alarm,
            "note": look.note[:_NOTE_LENGTH_MAX],
            "waits": look.alarm in _WAITS,
            "seen_at": now,
        },
    )
    scores = [
        NodeScore(
            network=look.network,
            label=node.label,
            state=node.state,
            head=node.head,
            lag_blocks=node.lag_blocks,
            error_rate=node.error_rate,
            latency_ms=node.latency_ms,
            last_error=node.last_error,
            seen_at=now,
        )
        for node in look.nodes
    ]
    if scores:
        labels = [score.label for score in scores]
        NodeScore.objects.filter(network=look.network).exclude(label__in=labels).delete()
        columns = ["state", "head", "lag_blocks", "error_rate", "latency_ms", "last_error"]
        NodeScore.objects.bulk_create(
            scores,
            update_conflicts=True,
            unique_fields=["label"],
            update_fields=[*columns, "network", "seen_at"],
        )
    for signer_id, balance in look.balances.items():
        GasAccount.objects.update_or_create(
            signer_id=signer_id,
            defaults={
                "balance_wei": balance,
                "is_empty": balance < look.gas_floor_wei,
                "seen_at": now,
            },
        )


def require_calm(*, network: str) -> None:
    """Pass when the last look found nothing that new work must wait for.

    Raises FinalityStalled or GasBudgetSpent. Tracking, sending again and settling never ask.
    """
    look = NetworkLook.objects.filter(network=network, waits=True).first()
    if look is not None:
        raise _WAITS[look.alarm](look.note, network=network)


def gas_spent(*, network: str, now: datetime) -> int:
    """Wei of the last 24 hours: what final transactions paid, and the most that open ones may."""
    rows = ChainTransaction.objects.filter(token__network=network)
    paid = rows.filter(
        status__in=CHAIN_TRANSACTION_FINAL,
        final_at__gt=now - BUDGET_PERIOD,
        # Keys rise with time, and only they are indexed: nothing takes another day to be final.
        pk__gte=_first_key(now - 2 * BUDGET_PERIOD),
    )
    dearest = (
        Attempt.objects.filter(chain_transaction=OuterRef("pk"))
        .order_by()
        .values("chain_transaction")
        .annotate(dearest=Max("max_fee_wei"))
        .values("dearest")
    )
    # The index of due rows holds all that are open.
    still_open = rows.filter(next_attempt_at__isnull=False)
    exposed = still_open.exclude(status__in=CHAIN_TRANSACTION_FINAL).annotate(
        price=Coalesce(Subquery(dearest), 0)
    )
    return _sum_of(paid, "gas_used", "gas_price_wei") + _sum_of(exposed, "gas_limit", "price")


def gas_accounts(*, network: str) -> list[Signer]:
    """The signers of a network, whose balances the watch reads."""
    return list(Signer.objects.filter(network=network).order_by("pk"))


def _first_key(moment: datetime) -> uuid.UUID:
    """The lowest UUIDv7 of a moment: 48 bits of milliseconds, then zeros."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def _sum_of(rows: QuerySet[ChainTransaction], gas: str, price: str) -> int:
    product = Cast(F(gas), _WEI) * Cast(F(price), _WEI)
    total = rows.aggregate(total=Sum(product, output_field=_WEI))["total"]
    return int(total or Decimal(0))
