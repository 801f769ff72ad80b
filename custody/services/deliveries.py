"""Deliveries: free shares leave custody on the custodian's confirmation."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import NotFound, StateConflict
from core.ids import new_uuid
from core.transitions import move
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import ledger, queries
from custody.models import Delivery
from custody.services.deposits import require_step
from custody.states import DELIVERY_TRANSITIONS, DeliveryStatus
from kyc import policy
from kyc import queries as kyc_queries
from kyc.models import Decision, Investor
from kyc.states import Action


@use_case
def request_delivery(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    symbol: str,
    quantity: Units,
    participant: str,
    destination_account: str,
    actor: Actor,
    now: datetime,
) -> Delivery:
    """Set free shares aside and have them delivered to an account outside custody.

    A closed fund still delivers; a suspended investor must first be limited to exit by a person.
    Raises NotFound, UnknownFund, QuantityStep, SharesNotFree,
    InsufficientShares, or the refusals of kyc.policy.require for the action ``deliver``.
    """
    investor = kyc_queries.investor_for(institution_id=institution_id, investor_id=investor_id)
    fund = queries.fund_by_symbol(symbol)
    require_step(fund, quantity=quantity)
    decision = require_deliverable(investor, trigger="delivery", now=now)
    account = queries.deliverable_account(
        investor_id=investor.pk, fund_id=fund.pk, quantity=quantity
    )
    decision.save(force_insert=True)
    delivery = Delivery(
        id=new_uuid(),
        institution_id=institution_id,
        investor=investor,
        fund=fund,
        custody_account=account,
        quantity=quantity,
        destination_participant=participant,
        destination_account=destination_account,
        decision=decision,
        requested_by=str(actor),
        next_attempt_at=now,
        created_at=now,
    )
    ledger.start_delivery(delivery=delivery, actor=actor, now=now)
    delivery.save(force_insert=True)
    events.record(
        event_type="delivery.requested", row=delivery, actor=actor, now=now, data=describe(delivery)
    )
    return delivery


@use_case
def cancel_delivery(
    *,
    delivery_id: uuid.UUID,
    institution_id: uuid.UUID | None = None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Delivery:
    """Call off a delivery before it is instructed: the shares are free again.

    ``institution_id`` is None for the issuer's own operators. Raises NotFound or StateConflict:
    after the instruction only the custodian can cancel.
    """
    rows = Delivery.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "fund", "investor"
    )
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None or institution_id not in {None, delivery.institution_id}:
        raise NotFound("There is no such delivery.")
    if delivery.status != DeliveryStatus.REQUESTED:
        raise StateConflict("The custodian has been instructed.", state=delivery.status)
    ledger.cancel_delivery(
        delivery=delivery, quantity=Units(delivery.quantity), actor=actor, now=now
    )
    return move(
        delivery,
        to=DeliveryStatus.CANCELLED,
        table=DELIVERY_TRANSITIONS,
        actor=actor,
        now=now,
        data=describe(delivery) | {"reason": reason},
        next_attempt_at=None,
    )


def require_deliverable(investor: Investor, *, trigger: str, now: datetime) -> Decision:
    """The decision, not yet saved, that lets shares leave; asked again right before they do.

    Raises the refusals of kyc.policy.require. A delivery has no place to wait for a person, so
    REVIEW is a refusal too.
    """
    decision = policy.require(
        investor=investor, action=Action.DELIVER, context={}, now=now, trigger=trigger
    )
    if decision.effect == policy.Effect.REVIEW.name:
        raise policy.not_eligible(decision)
    return decision


def describe(delivery: Delivery) -> dict[str, str]:
    """What events say of a delivery: ids and quantities, never the destination account."""
    return {
        "investor_id": delivery.investor.public_id,
        "underlying_symbol": delivery.fund.symbol,
        "qty": format_quantity(delivery.quantity),
        "delivered_qty": format_quantity(delivery.settled_quantity),
    }
