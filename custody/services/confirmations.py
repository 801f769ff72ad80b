"""Applying a custodian's confirmations to deposits and deliveries, each exactly once.

A replay changes nothing, a late report of an earlier state changes nothing, and whatever cannot be
true is written down as a break. Each movement's row is locked while it is judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from core.actors import Actor
from core.ids import IdInvalid, decode_id
from core.transitions import move
from core.units import Units
from custody import ledger
from custody.models import Break, Confirmation, Delivery, Deposit, Message
from custody.providers.files import ConfirmationLine, Outcome
from custody.services import deliveries, deposits
from custody.services.findings import record_break
from custody.states import (
    DELIVERY_TRANSITIONS,
    DEPOSIT_TRANSITIONS,
    BreakKind,
    DeliveryStatus,
    DepositStatus,
    Severity,
)

# Outcomes that a settled or half-settled movement may still hear of, out of order.
_EARLIER = frozenset({Outcome.MATCHED, Outcome.UNMATCHED, Outcome.FAILING})


class Implausible(Exception):
    """The line cannot be true of this movement; nothing was changed."""

    def __init__(
        self, kind: BreakKind, *, severity: Severity = Severity.S1, delta: int = 0
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.severity = severity
        self.delta = delta


@dataclass(frozen=True, slots=True)
class Context:
    """What every line of one file shares."""

    message: Message
    actor: Actor
    now: datetime


def movement_of(line: ConfirmationLine, *, custodian_id: UUID) -> Deposit | Delivery | None:
    """The deposit or delivery the line speaks of, if this custodian was told of it."""
    for model in (Deposit, Delivery):
        try:
            key = decode_id(model.PREFIX, line.our_reference)
        except IdInvalid:
            continue
        rows = model._default_manager.select_related("fund", "investor", "custody_account")
        return rows.filter(pk=key, custody_account__custodian_id=custodian_id).first()
    return None


def lock_movements(movements: Iterable[Deposit | Delivery | None]) -> None:
    """Lock the rows of a whole file at once and in one order, before any ledger row."""
    keys: dict[type[Deposit | Delivery], list[UUID]] = {Deposit: [], Delivery: []}
    for each in movements:
        if each is not None:
            keys[type(each)].append(each.pk)
    for model, wanted in keys.items():
        rows = model._default_manager.filter(pk__in=wanted).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))


def apply_line(
    line: ConfirmationLine, *, movement: Deposit | Delivery | None, context: Context
) -> Break | None:
    """Apply one new line and keep it as evidence; returns the break when it cannot be true."""
    if movement is None:
        return _record(line, None, Implausible(BreakKind.UNKNOWN_REFERENCE), context=context)
    fresh = (
        type(movement)
        ._default_manager.select_for_update(no_key=True, of=("self",))
        .select_related("fund", "investor")
        .get(pk=movement.pk)
    )
    try:
        with transaction.atomic(savepoint=True):
            apply = _apply_to_deposit if isinstance(fresh, Deposit) else _apply_to_delivery
            transfer_id = apply(fresh, line, context)  # type: ignore[arg-type]  # chosen by its type
    except Implausible as finding:
        return _record(line, fresh, finding, context=context)
    _keep(line, fresh, transfer_id, context=context)
    return None


def _apply_to_deposit(deposit: Deposit, line: ConfirmationLine, context: Context) -> UUID | None:
    status = DepositStatus(deposit.status)
    if line.outcome == Outcome.SETTLED:
        return _settle(deposit, line, context)
    if line.outcome == Outcome.REVERSED:
        _take_back(deposit, line, context)
        return None
    target = DepositStatus(line.outcome)
    if target == status or (line.outcome in _EARLIER and target not in DEPOSIT_TRANSITIONS[status]):
        return None
    if target not in DEPOSIT_TRANSITIONS[status]:
        raise Implausible(BreakKind.UNEXPECTED_MOVE)
    _move_deposit(deposit, target, line, context)
    return None


def _settle(deposit: Deposit, line: ConfirmationLine, context: Context) -> UUID:
    _require_same_fund(deposit, line)
    total = deposit.settled_quantity + line.quantity
    if DepositStatus.SETTLED not in DEPOSIT_TRANSITIONS[deposit.status]:
        raise Implausible(BreakKind.UNEXPECTED_MOVE, delta=line.quantity)
    if total > deposit.quantity:
        raise Implausible(BreakKind.CONFIRMATION_DIFFERS, delta=total - deposit.quantity)
    transfer_id = ledger.settle_deposit(
        deposit=deposit,
        quantity=line.quantity,
        custodian_reference=line.custodian_reference,
        value_date=line.value_date,
        actor=context.actor,
        now=context.now,
    )
    complete = total == deposit.quantity
    deposit.settled_quantity = total
    deposit.settled_at = context.now if complete else None
    _move_deposit(
        deposit,
        DepositStatus.SETTLED if complete else DepositStatus.PARTIALLY_SETTLED,
        line,
        context,
    )
    return transfer_id


def _take_back(deposit: Deposit, line: ConfirmationLine, context: Context) -> None:
    """The custodian took a settled deposit back. Shares already minted on cannot be given back:
    then claims exceed shares, which freezes the fund.
    """
    _require_same_fund(deposit, line)
    if deposit.status != DepositStatus.SETTLED or line.quantity != deposit.quantity:
        # A part taken back: our books still count shares that are gone.
        counted = deposit.settled_quantity > 0 and deposit.status != DepositStatus.REVERSED
        raise Implausible(
            BreakKind.UNEXPECTED_MOVE,
            severity=Severity.S0 if counted else Severity.S1,
            delta=-line.quantity,
        )
    try:
        with transaction.atomic(savepoint=True):
            for part in deposit.confirmations.filter(transfer__isnull=False):
                ledger.reverse(
                    transfer_id=part.transfer_id,  # type: ignore[arg-type]  # filtered above
                    cause=f"deposit:{deposit.pk}",
                    actor=context.actor,
                    now=context.now,
                )
    except ledger.InsufficientShares as short:
        raise Implausible(
            BreakKind.UNEXPECTED_MOVE, severity=Severity.S0, delta=-line.quantity
        ) from short
    _move_deposit(deposit, DepositStatus.REVERSED, line, context)


def _apply_to_delivery(delivery: Delivery, line: ConfirmationLine, context: Context) -> UUID | None:
    status = DeliveryStatus(delivery.status)
    if line.outcome == Outcome.SETTLED:
        return _deliver(delivery, line, context)
    target = {
        Outcome.MATCHED: DeliveryStatus.INSTRUCTED,
        Outcome.UNMATCHED: DeliveryStatus.FAILING,
        Outcome.FAILING: DeliveryStatus.FAILING,
        Outcome.REJECTED: DeliveryStatus.REJECTED,
        Outcome.CANCELLED: DeliveryStatus.CANCELLED,
    }.get(line.outcome)
    # REQUESTED means that the custodian has not been told: it can have nothing to report.
    if target is None or status == DeliveryStatus.REQUESTED:
        raise Implausible(BreakKind.UNEXPECTED_MOVE)
    if target == status or (
        line.outcome in _EARLIER and target not in DELIVERY_TRANSITIONS[status]
    ):
        return None
    if target not in DELIVERY_TRANSITIONS[status]:
        raise Implausible(BreakKind.UNEXPECTED_MOVE)
    transfer_id = None
    if target in {DeliveryStatus.REJECTED, DeliveryStatus.CANCELLED}:
        transfer_id = ledger.cancel_delivery(
            delivery=delivery,
            quantity=Units(delivery.quantity - delivery.settled_quantity),
            actor=context.actor,
            now=context.now,
        )
    _move_delivery(delivery, target, line, context)
    return transfer_id


def _deliver(delivery: Delivery, line: ConfirmationLine, context: Context) -> UUID:
    _require_same_fund(delivery, line)
    total = delivery.settled_quantity + line.quantity
    if DeliveryStatus.DELIVERED not in DELIVERY_TRANSITIONS[delivery.status]:
        # Shares are gone that our books hold free: claims may exceed shares.
        raise Implausible(BreakKind.UNEXPECTED_MOVE, severity=Severity.S0, delta=-line.quantity)
    if total > delivery.quantity:
        raise Implausible(
            BreakKind.CONFIRMATION_DIFFERS,
            severity=Severity.S0,
            delta=delivery.quantity - total,
        )
    transfer_id = ledger.finish_delivery(
        delivery=delivery,
        quantity=line.quantity,
        custodian_reference=line.custodian_reference,
        value_date=line.value_date,
        actor=context.actor,
        now=context.now,
    )
    complete = total == delivery.quantity
    delivery.settled_quantity = total
    delivery.settled_at = context.now if complete else None
    _move_delivery(
        delivery,
        DeliveryStatus.DELIVERED if complete else DeliveryStatus.PARTIALLY_DELIVERED,
        line,
        context,
    )
    return transfer_id


def _require_same_fund(movement: Deposit | Delivery, line: ConfirmationLine) -> None:
    isins = movement.fund.identifiers.filter(scheme="ISIN").values_list("value", flat=True)
    if line.isin not in isins:
        raise Implausible(BreakKind.CONFIRMATION_DIFFERS)


def _move_deposit(
    deposit: Deposit, to: DepositStatus, line: ConfirmationLine, context: Context
) -> None:
    move(
        deposit,
        to=to,
        table=DEPOSIT_TRANSITIONS,
        actor=context.actor,
        now=context.now,
        data=deposits.describe(deposit) | _reason(line),
        reason_code=line.reason,
        custodian_reference=line.custodian_reference,
        next_attempt_at=None,  # the custodian plainly has it
        settled_quantity=deposit.settled_quantity,
        settled_at=deposit.settled_at,
    )


def _move_delivery(
    delivery: Delivery,
    to: DeliveryStatus,
    line: ConfirmationLine,
    context: Context,
) -> None:
    move(
        delivery,
        to=to,
        table=DELIVERY_TRANSITIONS,
        actor=context.actor,
        now=context.now,
        data=deliveries.describe(delivery) | _reason(line),
        reason_code=line.reason,
        custodian_reference=line.custodian_reference,
        next_attempt_at=None,  # the custodian plainly has it
        settled_quantity=delivery.settled_quantity,
        settled_at=delivery.settled_at,
    )


def _reason(line: ConfirmationLine) -> dict[str, str]:
    return {"reason_code": line.reason} if line.reason else {}


def _keep(
    line: ConfirmationLine,
    movement: Deposit | Delivery | None,
    transfer_id: UUID | None,
    *,
    context: Context,
) -> None:
    Confirmation.objects.create(
        custodian_id=context.message.custodian_id,
        message=context.message,
        line_number=line.line,
        custodian_reference=line.custodian_reference,
        our_reference=line.our_reference,
        outcome=line.outcome,
        quantity=line.quantity,
        isin=line.isin,
        value_date=line.value_date,
        reason_code=line.reason,
        deposit=movement if isinstance(movement, Deposit) else None,
        delivery=movement if isinstance(movement, Delivery) else None,
        transfer_id=transfer_id,
    )


def _record(
    line: ConfirmationLine,
    movement: Deposit | Delivery | None,
    finding: Implausible,
    *,
    context: Context,
) -> Break:
    _keep(line, movement, None, context=context)
    found = Break(
        kind=finding.kind,
        severity=finding.severity,
        fund=movement.fund if movement else None,
        custody_account=movement.custody_account if movement else None,
        message=context.message,
        line_number=line.line,
        delta=finding.delta,
        subject=f"{line.outcome} {line.our_reference} {line.custodian_reference}",
    )
    return record_break(found, actor=context.actor, now=context.now)
