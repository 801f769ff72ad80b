"""Solving breaks: one person explains or proposes, another approves what moves shares."""

import uuid
from datetime import datetime

from core.actors import Actor
from core.errors import NotFound, SameActor, StateConflict
from core.transitions import move
from core.use_case import use_case
from custody import ledger
from custody.models import Break, CustodyAccount, Fund
from custody.states import BREAK_TRANSITIONS, BreakKind, BreakStatus
from kyc import queries as kyc_queries


@use_case
def explain_break(*, break_id: uuid.UUID, resolution: str, actor: Actor, now: datetime) -> Break:
    """Close a break that needs no posting, with the reason. Raises NotFound or StateConflict."""
    return move(
        _break(break_id),
        to=BreakStatus.EXPLAINED,
        table=BREAK_TRANSITIONS,
        actor=actor,
        now=now,
        resolution=resolution,
        resolved_at=now,
    )


@use_case
def propose_adjustment(
    *, break_id: uuid.UUID, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> Break:
    """The first of two people asks to post a position's difference to an investor's free shares.

    Raises NotFound or StateConflict.
    """
    found = _break(break_id)
    if found.kind != BreakKind.POSITION_DIFFERS:
        raise StateConflict("Only a difference of positions can be adjusted.", state=found.status)
    # The ledger takes any uuid as an owner: a mistyped one would bury the shares.
    kyc_queries.investor_for_update(investor_id=investor_id)
    return move(
        found,
        to=BreakStatus.PROPOSED,
        table=BREAK_TRANSITIONS,
        actor=actor,
        now=now,
        resolution=reason,
        adjust_investor_id=investor_id,
        proposed_by=str(actor),
    )


@use_case
def approve_adjustment(*, break_id: uuid.UUID, actor: Actor, now: datetime) -> Break:
    """The second person posts the difference between suspense and the investor's free shares.

    Raises NotFound, StateConflict, SameActor or InsufficientShares.
    """
    found = _break(break_id)
    if found.status != BreakStatus.PROPOSED or found.adjust_investor_id is None:
        raise StateConflict("No adjustment has been proposed.", state=found.status)
    if found.proposed_by == str(actor):
        raise SameActor
    fund, account = _place(found)
    ledger.open_investor(fund=fund, custody_account=account, investor_id=found.adjust_investor_id)
    transfer_id = ledger.adjust(
        key=f"break:{found.pk}",
        fund_id=fund.pk,
        custody_account_id=account.pk,
        investor_id=found.adjust_investor_id,
        delta=found.delta,
        cause=f"break:{found.pk}",
        made_by=found.proposed_by,
        approved_by=str(actor),
        now=now,
    )
    return move(
        found,
        to=BreakStatus.ADJUSTED,
        table=BREAK_TRANSITIONS,
        actor=actor,
        now=now,
        transfer_id=transfer_id,
        resolved_at=now,
    )


@use_case
def withdraw_proposal(*, break_id: uuid.UUID, actor: Actor, now: datetime) -> Break:
    """Take a proposed adjustment back: the break is open again."""
    return move(
        _break(break_id),
        to=BreakStatus.OPEN,
        table=BREAK_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="break.reopened",
        adjust_investor_id=None,
        proposed_by="",
        resolution="",
    )


def _place(found: Break) -> tuple[Fund, CustodyAccount]:
    if found.fund is None or found.custody_account is None:
        raise StateConflict("The break names no fund and account.", state=found.status)
    return found.fund, found.custody_account


def _break(break_id: uuid.UUID) -> Break:
    found = Break.objects.select_for_update(no_key=True).filter(pk=break_id).first()
    if found is None:
        raise NotFound("There is no such break.")
    return found
