"""Overrides: two people's leave from one named rule, with its proofs and an end."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from core import events
from core.actors import Actor
from core.errors import SameActor
from core.transitions import move
from core.use_case import use_case
from kyc import queries
from kyc.models import Override
from kyc.policy.active import active_policies
from kyc.policy.compiler import Rule
from kyc.services.refusals import OverrideRefused
from kyc.states import OVERRIDE_TRANSITIONS, OverrideKind, OverrideStatus

VALID_AT_MOST = timedelta(days=365)


@use_case
def propose_override(
    *,
    investor_id: uuid.UUID,
    rule: str,
    evidence: Mapping[str, str],
    reason: str,
    valid_to: datetime,
    actor: Actor,
    now: datetime,
) -> Override:
    """Propose to lift ``rule`` for one investor. ``evidence`` names a reference per proof.

    Raises NotFound or OverrideRefused: an unknown or not overridable rule, a missing proof, or an
    end that is past or more than a year away.
    """
    investor = queries.investor_for_update(investor_id=investor_id)
    found = _overridable(rule)
    missing = sorted(found.proofs - {name for name, text in evidence.items() if text.strip()})
    if missing:
        raise OverrideRefused(f"Missing proofs: {', '.join(missing)}.", field="/evidence")
    if not now < valid_to <= now + VALID_AT_MOST:
        raise OverrideRefused("An override ends within one year.", field="/valid_to")
    override = Override.objects.create(
        investor=investor,
        rule=rule,
        kind=OverrideKind.EXEMPTION,
        evidence=dict(evidence),
        reason=reason,
        valid_from=now,
        valid_to=valid_to,
        proposed_by=str(actor),
        created_at=now,
    )
    events.record(
        event_type="override.proposed", row=override, actor=actor, now=now, data={"rule": rule}
    )
    return override


@use_case
def approve_override(*, override_id: uuid.UUID, actor: Actor, now: datetime) -> Override:
    """The checker's half. Raises NotFound, SameActor or StateConflict."""
    override = queries.override_for_update(override_id=override_id)
    if override.proposed_by == str(actor):
        raise SameActor
    return move(
        override,
        to=OverrideStatus.ACTIVE,
        table=OVERRIDE_TRANSITIONS,
        actor=actor,
        now=now,
        approved_by=str(actor),
        data={"rule": override.rule},
    )


@use_case
def revoke_override(*, override_id: uuid.UUID, actor: Actor, now: datetime) -> Override:
    """End an override at once; one person is enough. Raises NotFound or StateConflict."""
    override = queries.override_for_update(override_id=override_id)
    return move(
        override,
        to=OverrideStatus.REVOKED,
        table=OVERRIDE_TRANSITIONS,
        actor=actor,
        now=now,
        data={"rule": override.rule},
    )


def _overridable(rule_id: str) -> Rule:
    for policy in active_policies():
        for rule in policy.rules:
            if rule.id == rule_id and rule.overridable:
                return rule
    raise OverrideRefused("No rule of that name may be overridden.", field="/rule")
