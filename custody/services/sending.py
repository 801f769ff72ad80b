"""Telling custodians: each row is marked as told before it is sent, and sent until it is taken."""

from datetime import datetime, timedelta

from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.transitions import move
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import ledger, queries
from custody.models import Delivery, Deposit
from custody.services.deliveries import describe as describe_delivery
from custody.services.deliveries import require_deliverable
from custody.states import DELIVERY_TRANSITIONS, DeliveryStatus, DepositStatus, FundStatus

RETRY_SECONDS_MAX = 300
# The cap is the second lock: the ledger already keeps supply below what stays. So a chain that is
# down may hold up an exit this long and no longer.
CAP_WAIT = timedelta(minutes=10)
CAP_LOOK_AGAIN = timedelta(seconds=1)
CLAIMS_LOOK_AGAIN = timedelta(seconds=5)
HELD_LOOK_AGAIN = timedelta(minutes=10)
_UNTOLD = frozenset({DepositStatus.CANCELLED, DepositStatus.REJECTED})


class ClaimsUnknown(DomainError):
    """After lost commits the chain may know tokens that stand for these shares and no order tells of."""

    code = "claims_unknown"
    status = 503
    title = "The fund's tokens are being counted anew; its shares stay meanwhile."
    retryable = True


class SharesClaimed(DomainError):
    """The chain has more tokens than shares would stay."""

    code = "shares_claimed"
    status = 409
    title = "Tokens stand for these shares; they stay until the difference is explained."
    retryable = True


class CapStillHigh(DomainError):
    """The contracts may still allow more tokens than the shares that stay."""

    code = "cap_still_high"
    status = 409
    title = "The caps on chain have not fallen yet."
    retryable = True


@use_case
def begin_deposit_advice(*, deposit: Deposit, now: datetime) -> Deposit:
    """Mark that the custodian may now have heard of it. Raises StateConflict when called off."""
    fresh = Deposit.objects.select_for_update(no_key=True).get(pk=deposit.pk)
    if fresh.status in _UNTOLD:
        raise StateConflict("The deposit was called off.", state=fresh.status)
    if fresh.sent_at is None:
        fresh.sent_at = now
        fresh.save(update_fields=["sent_at"])
    return fresh


@use_case
def begin_delivery_instruction(*, delivery: Delivery, actor: Actor, now: datetime) -> Delivery:
    """Move the delivery to INSTRUCTED before the custodian hears of it, so that it cannot be
    called off behind the custodian's back.

    KYC is asked again here, as before a signature. Raises StateConflict when it was called off
    already, ClaimsUnknown or SharesClaimed while tokens may stand for the shares, CapStillHigh while
    the contracts may allow more than what stays, or the refusals of ``require_deliverable``.
    """
    rows = Delivery.objects.select_for_update(no_key=True, of=("self",))
    fresh = rows.select_related("fund", "investor").get(pk=delivery.pk)
    if fresh.status != DeliveryStatus.REQUESTED:
        if fresh.status == DeliveryStatus.CANCELLED:
            raise StateConflict("The delivery was called off.", state=fresh.status)
        return fresh
    # Or a figure that rises, or a doubt that begins, at this instant would not be seen.
    queries.lock_caps(fund_id=fresh.fund_id)
    _require_unclaimed(fresh)
    _require_lower_caps(fresh, now=now)
    decision = require_deliverable(fresh.investor, trigger="instruction", now=now)
    decision.save(force_insert=True)
    return move(
        fresh,
        to=DeliveryStatus.INSTRUCTED,
        table=DELIVERY_TRANSITIONS,
        actor=actor,
        now=now,
        data=describe_delivery(fresh),
        sent_at=now,
        decision=decision,
        reason_code="",
    )


@use_case
def note_cap_awaited(*, delivery: Delivery, now: datetime) -> None:
    """Look again soon whether the cap has fallen."""
    Delivery.objects.filter(pk=delivery.pk).update(
        next_attempt_at=now + CAP_LOOK_AGAIN, leased_until=None
    )


@use_case
def note_claims_awaited(*, delivery: Delivery, reason_code: str, now: datetime) -> None:
    """Look again soon whether tokens still may stand for the shares, and say why they wait."""
    Delivery.objects.filter(pk=delivery.pk).update(
        reason_code=reason_code, next_attempt_at=now + CLAIMS_LOOK_AGAIN, leased_until=None
    )


@use_case
def note_held(*, delivery: Delivery, reason_code: str, now: datetime) -> None:
    """Its investor may not have it now: say why, and ask again later. It can still be called off."""
    Delivery.objects.filter(pk=delivery.pk).update(
        reason_code=reason_code, next_attempt_at=now + HELD_LOOK_AGAIN, leased_until=None
    )


@use_case
def note_sent(*, movement: Deposit | Delivery) -> None:
    """The custodian has it: nothing more to send."""
    type(movement)._default_manager.filter(pk=movement.pk).update(
        next_attempt_at=None, leased_until=None, attempts=0
    )


@use_case
def note_not_sent(*, movement: Deposit | Delivery, now: datetime) -> None:
    """The custodian may or may not have it: the same words are sent again later."""
    wait = min(2**movement.attempts, RETRY_SECONDS_MAX)
    type(movement)._default_manager.filter(pk=movement.pk).update(
        next_attempt_at=now + timedelta(seconds=wait), leased_until=None
    )


def _require_unclaimed(delivery: Delivery) -> None:
    """No share leaves that a token stands for: there is no waiting this out."""
    if not ledger.are_claims_known(fund_id=delivery.fund_id):
        raise ClaimsUnknown
    held, claimed = queries.position(delivery.fund_id), ledger.claimed(delivery.fund_id)
    staying = Units(held.settled - held.releasing)
    if claimed > staying:
        raise SharesClaimed(claimed=format_quantity(claimed), staying=format_quantity(staying))


def _require_lower_caps(delivery: Delivery, *, now: datetime) -> None:
    """Lower early: shares leave after the caps on chain have fallen below what stays."""
    minting = delivery.fund.status == FundStatus.ACTIVE
    if not minting or now >= delivery.created_at + CAP_WAIT:
        return
    allowed, staying = queries.highest_caps(delivery.fund_id), queries.attestable(delivery.fund_id)
    if allowed > staying:
        raise CapStillHigh(allowed=format_quantity(allowed), staying=format_quantity(staying))
