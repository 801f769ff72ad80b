"""Approval by two people: a maker proposes, another person checks, the engine decides again."""

import uuid
from datetime import datetime

from django.conf import settings

from core import events
from core.actors import Actor
from core.errors import SameActor, StateConflict
from core.transitions import move
from core.use_case import use_case
from kyc import queries
from kyc.models import Investor, Override
from kyc.policy import decisions
from kyc.policy.engine import Finding
from kyc.services.records import latest_check_status
from kyc.services.refusals import CheckNotPassed, NotProposed
from kyc.states import (
    INVESTOR_TRANSITIONS,
    MAY_REINSTATE,
    Action,
    CheckStatus,
    InvestorStatus,
    OverrideKind,
    OverrideStatus,
)

# REVIEW is the provider's word that a person must look; two people then do.
_CHECK_ANSWERED = frozenset({CheckStatus.PASSED, CheckStatus.REVIEW})


@use_case
def propose_approval(
    *, investor_id: uuid.UUID, actor: Actor, now: datetime, reason: str = ""
) -> Investor:
    """The maker's half: propose to approve, or to reinstate, the investor.

    A second proposal replaces the first. Raises NotFound or StateConflict.
    """
    investor = queries.investor_for_update(investor_id=investor_id)
    if investor.status not in MAY_REINSTATE | {InvestorStatus.IN_REVIEW}:
        raise StateConflict(
            f"An investor that is {investor.status.lower()} cannot be proposed.",
            state=investor.status.lower(),
        )
    Investor.objects.filter(pk=investor.pk).update(
        proposed_by=str(actor), proposed_at=now, reason=reason, version=investor.version + 1
    )
    investor.refresh_from_db()
    events.record(event_type="investor.approval_proposed", row=investor, actor=actor, now=now)
    return investor


@use_case
def approve_investor(
    *, investor_id: uuid.UUID, actor: Actor, now: datetime, reason: str = ""
) -> Investor:
    """The checker's half: decide again and approve for ``settings.KYC_VALIDITY``.

    Raises NotFound, StateConflict, NotProposed, SameActor, CheckNotPassed or NotEligible.
    """
    investor = queries.investor_for_update(investor_id=investor_id)
    if investor.status != InvestorStatus.IN_REVIEW:
        raise StateConflict(
            f"The investor is {investor.status.lower()}.", state=investor.status.lower()
        )
    return _approve(investor, actor=actor, now=now, trigger="approval", reason=reason)


@use_case
def reinstate_investor(
    *, investor_id: uuid.UUID, actor: Actor, now: datetime, reason: str = ""
) -> Investor:
    """The checker's half for an investor that is exit-only, suspended or frozen.

    Raises NotFound, StateConflict, NotProposed, SameActor, CheckNotPassed or NotEligible.
    """
    investor = queries.investor_for_update(investor_id=investor_id)
    if investor.status not in MAY_REINSTATE:
        raise StateConflict(
            f"The investor is {investor.status.lower()}.", state=investor.status.lower()
        )
    return _approve(investor, actor=actor, now=now, trigger="reinstatement", reason=reason)


@use_case
def reject_investor(
    *, investor_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> Investor:
    """Turn the investor down after review. Raises NotFound or StateConflict."""
    investor = queries.investor_for_update(investor_id=investor_id)
    return move(
        investor,
        to=InvestorStatus.REJECTED,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        reason=reason,
    )


def _approve(
    investor: Investor, *, actor: Actor, now: datetime, trigger: str, reason: str
) -> Investor:
    if not investor.proposed_by:
        raise NotProposed
    if investor.proposed_by == str(actor):
        raise SameActor
    if latest_check_status(investor=investor) not in _CHECK_ANSWERED:
        raise CheckNotPassed
    assessed = decisions.assess(
        investor=investor, action=Action.ONBOARD, context={}, now=now, trigger=trigger
    )
    decision = assessed.decision
    if not decisions.permits(effect=decision.effect, action=Action.ONBOARD):
        raise decisions.not_eligible(decision)
    decision.save(force_insert=True)
    expires = now + settings.KYC_VALIDITY
    reviewed = decisions.reviews(assessed.outcome)
    for finding in reviewed:
        _review(finding, investor=investor, actor=actor, now=now, until=expires)
    return move(
        investor,
        to=InvestorStatus.APPROVED,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        decision=decision,
        reason=reason,
        approved_by=str(actor),
        approved_at=now,
        kyc_expires_at=expires,
        data={
            "decision_id": decision.public_id,
            "effect": decision.effect.lower(),
            "reviewed_rules": [finding.rule.id for finding in reviewed],
            "kyc_expires_at": events.format_time(expires),
        },
    )


def _review(
    finding: Finding, *, investor: Investor, actor: Actor, now: datetime, until: datetime
) -> None:
    """The two people's approval answers this rule's REVIEW while the facts it saw stay the same."""
    Override.objects.create(
        investor=investor,
        rule=finding.rule.id,
        kind=OverrideKind.REVIEWED,
        status=OverrideStatus.ACTIVE,
        facts_sha256=finding.facts_sha256,
        reason="Answered by the approval of the investor.",
        valid_from=now,
        valid_to=until,
        proposed_by=investor.proposed_by,
        approved_by=str(actor),
        created_at=now,
    )
