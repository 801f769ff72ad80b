"""An investor's standing after approval: restricted at once by one person, loosened by two."""

import uuid
from datetime import datetime

from core.actors import Actor, system
from core.transitions import move
from core.use_case import use_case
from kyc import queries
from kyc.models import Investor
from kyc.states import INVESTOR_TRANSITIONS, InvestorStatus

EXPIRED = "KYC has expired."


@use_case
def suspend_investor(
    *, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> Investor:
    """Stop entries; exits need a person's approval. Raises NotFound or StateConflict."""
    return _restrict(investor_id, InvestorStatus.SUSPENDED, reason=reason, actor=actor, now=now)


@use_case
def freeze_investor(
    *, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> Investor:
    """Stop everything. Raises NotFound or StateConflict."""
    return _restrict(investor_id, InvestorStatus.FROZEN, reason=reason, actor=actor, now=now)


@use_case
def restrict_to_exit(
    *, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> Investor:
    """Allow redemption and delivery only. Raises NotFound or StateConflict."""
    return _restrict(investor_id, InvestorStatus.EXIT_ONLY, reason=reason, actor=actor, now=now)


@use_case
def close_investor(*, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Investor:
    """End the relationship for good. Raises NotFound or StateConflict."""
    return _restrict(investor_id, InvestorStatus.CLOSED, reason=reason, actor=actor, now=now)


@use_case
def expire_approval(*, investor_id: uuid.UUID, now: datetime) -> Investor:
    """Suspend an approved investor whose KYC has run out; any other is left as it is."""
    investor = queries.investor_for_update(investor_id=investor_id)
    expires = investor.kyc_expires_at
    if investor.status != InvestorStatus.APPROVED or expires is None or expires > now:
        return investor
    return _move(
        investor,
        InvestorStatus.SUSPENDED,
        reason=EXPIRED,
        reason_code="kyc_expired",
        actor=system("kyc.expiry"),
        now=now,
    )


def _restrict(
    investor_id: uuid.UUID, to: InvestorStatus, *, reason: str, actor: Actor, now: datetime
) -> Investor:
    investor = queries.investor_for_update(investor_id=investor_id)
    return _move(investor, to, reason=reason, reason_code="operator", actor=actor, now=now)


def _move(
    investor: Investor,
    to: InvestorStatus,
    *,
    reason: str,
    reason_code: str,
    actor: Actor,
    now: datetime,
) -> Investor:
    # A way back needs two people anew, so the old approval no longer stands on the row.
    return move(
        investor,
        to=to,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        reason=reason,
        proposed_by="",
        proposed_at=None,
        approved_by="",
        data={"reason_code": reason_code},
    )
