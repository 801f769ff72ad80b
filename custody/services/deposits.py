"""Deposits: an institution announces shares; the custodian's word alone makes them count."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from core import events
from core.actors import Actor
from core.errors import DomainError, NotFound, StateConflict
from core.transitions import move
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import ledger, queries
from custody.models import Deposit, Fund
from custody.states import DEPOSIT_TRANSITIONS, DepositStatus
from kyc import policy
from kyc import queries as kyc_queries
from kyc.states import Action


class ReferenceUsed(StateConflict):
    """The institution has used this reference for another deposit."""

    code = "reference_used"
    title = "This reference belongs to another deposit."


class QuantityStep(DomainError):
    """The fund cannot be moved in pieces this small."""

    code = "quantity_invalid"
    title = "The quantity is not a multiple of the fund's smallest step."


class FundNotKept(DomainError):
    """No open custody account keeps this fund."""

    code = "fund_not_kept"
    title = "No custody account takes this fund at present."


@use_case
def advise_deposit(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    symbol: str,
    quantity: Units,
    reference: str,
    actor: Actor,
    now: datetime,
) -> Deposit:
    """Announce shares on their way in; the custodian is told by the next exchange.

    Raises NotFound, UnknownFund, FundClosed, QuantityStep, FundNotKept, ReferenceUsed, or the
    refusals of kyc.policy.require for the action ``deposit``.
    """
    investor = kyc_queries.investor_for(institution_id=institution_id, investor_id=investor_id)
    fund = queries.open_fund_by_symbol(symbol)
    require_step(fund, quantity=quantity)
    account = next((each for each in queries.accounts_of(fund.pk) if each.is_countable), None)
    if account is None:
        raise FundNotKept
    decision = policy.require(investor=investor, action=Action.DEPOSIT, context={}, now=now)
    decision.save(force_insert=True)
    ledger.open_investor(fund=fund, custody_account=account, investor_id=investor.pk)
    deposit = Deposit(
        institution_id=institution_id,
        investor=investor,
        fund=fund,
        custody_account=account,
        quantity=quantity,
        reference=reference,
        decision=decision,
        requested_by=str(actor),
        next_attempt_at=now,
        created_at=now,
    )
    try:
        with transaction.atomic(savepoint=True):
            deposit.save(force_insert=True)
    except IntegrityError as error:
        raise ReferenceUsed(field="/reference") from error
    events.record(
        event_type="deposit.advised", row=deposit, actor=actor, now=now, data=describe(deposit)
    )
    return deposit


@use_case
def cancel_deposit(
    *,
    deposit_id: uuid.UUID,
    institution_id: uuid.UUID | None = None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Deposit:
    """Call off a deposit the custodian has not been told of.

    ``institution_id`` is None for the issuer's own operators. Raises NotFound or StateConflict.
    """
    rows = Deposit.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "fund", "investor"
    )
    deposit = rows.filter(pk=deposit_id).first()
    if deposit is None or institution_id not in {None, deposit.institution_id}:
        raise NotFound("There is no such deposit.")
    if deposit.sent_at is not None:
        raise StateConflict("The custodian has been told; it must cancel.", state=deposit.status)
    return move(
        deposit,
        to=DepositStatus.CANCELLED,
        table=DEPOSIT_TRANSITIONS,
        actor=actor,
        now=now,
        data=describe(deposit) | {"reason": reason},
        next_attempt_at=None,
    )


def require_step(fund: Fund, *, quantity: Units) -> None:
    """Refuse what the fund's smallest step does not divide. Raises QuantityStep."""
    if quantity <= 0 or quantity % fund.quantity_step:
        step = format_quantity(fund.quantity_step)
        raise QuantityStep(f"{fund.symbol} moves in steps of {step}.", field="/qty")


def describe(deposit: Deposit) -> dict[str, str]:
    """What events say of a deposit: ids and quantities."""
    return {
        "investor_id": deposit.investor.public_id,
        "underlying_symbol": deposit.fund.symbol,
        "qty": format_quantity(deposit.quantity),
        "settled_qty": format_quantity(deposit.settled_quantity),
    }
