"""Onboarding: an investor is created, submitted, checked and decided."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core import events
from core.actors import Actor, system
from core.transitions import move
from core.use_case import use_case
from kyc import queries
from kyc.models import Check, Decision, Investor
from kyc.policy import decisions
from kyc.policy.effects import Effect
from kyc.providers import Subject, provider_from_settings
from kyc.services.records import DECLARED, redecide, store_facts
from kyc.services.refusals import ExternalIdUsed, FieldRefused
from kyc.states import (
    CHECK_TRANSITIONS,
    INVESTOR_TRANSITIONS,
    Action,
    CheckStatus,
    InvestorKind,
    InvestorStatus,
)

SYSTEM = system("kyc")
NAME_LENGTH_MAX = 300
CHECK_FAILED = "The identity check failed."


@use_case
def create_investor(
    *,
    institution_id: uuid.UUID,
    external_id: str,
    kind: str,
    legal_name: str,
    facts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> Investor:
    """Open a draft investor with what the institution declares about it.

    Raises ExternalIdUsed, FieldRefused or FactInvalid.
    """
    if not legal_name.strip() or len(legal_name) > NAME_LENGTH_MAX:
        raise FieldRefused("A legal name has 1 to 300 letters.", field="/legal_name")
    investor = Investor(
        institution_id=institution_id,
        external_id=external_id,
        kind=InvestorKind(kind),
        legal_name=legal_name,
        created_at=now,
    )
    try:
        with transaction.atomic(savepoint=True):
            investor.save(force_insert=True)
    except IntegrityError as taken:
        raise ExternalIdUsed(field="/external_id") from taken
    store_facts(investor=investor, facts=facts, source=DECLARED, actor=actor, now=now)
    events.record(
        event_type="investor.created",
        row=investor,
        actor=actor,
        now=now,
        data={"kind": kind.lower()},
    )
    return investor


@use_case
def submit_investor(
    *, institution_id: uuid.UUID, investor_id: uuid.UUID, actor: Actor, now: datetime
) -> Investor:
    """Submit a draft: check identity, decide, and reject at once or queue for review.

    Raises NotFound or StateConflict.
    """
    investor = queries.investor_for_update(investor_id=investor_id, institution_id=institution_id)
    move(
        investor,
        to=InvestorStatus.SUBMITTED,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        submitted_at=now,
    )
    check = _check(investor=investor, now=now)
    decision = decisions.decide(
        investor=investor, action=Action.ONBOARD, context={}, now=now, trigger="submission"
    )
    decision.save(force_insert=True)
    _settle_submission(investor=investor, check=check, decision=decision, now=now)
    return investor


@use_case
def record_check_result(
    *,
    check_id: uuid.UUID,
    status: str,
    reason_code: str,
    facts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> Check:
    """Record what a provider or a person found out later; the investor is decided anew.

    A failed check suspends whoever two people had approved without its result.

    Raises NotFound or StateConflict.
    """
    check = queries.check_for_update(check_id=check_id)
    investor = queries.investor_for_update(investor_id=check.investor_id)
    move(
        check,
        to=CheckStatus(status),
        table=CHECK_TRANSITIONS,
        actor=actor,
        now=now,
        reason_code=reason_code,
        finished_at=now,
    )
    source = f"provider:{check.provider}"
    store_facts(investor=investor, facts=facts, source=source, actor=actor, now=now)
    redecide(investor=investor, trigger="check", actor=actor, now=now)
    if check.status == CheckStatus.FAILED and investor.status == InvestorStatus.APPROVED:
        _suspend_unidentified(investor, actor=actor, now=now)
    return check


def _suspend_unidentified(investor: Investor, *, actor: Actor, now: datetime) -> None:
    move(
        investor,
        to=InvestorStatus.SUSPENDED,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        reason=CHECK_FAILED,
        proposed_by="",
        proposed_at=None,
        approved_by="",
        data={"reason_code": "check_failed"},
    )


def _check(*, investor: Investor, now: datetime) -> Check:
    """Ask the provider; a remote one answers PENDING here and reports later."""
    provider = provider_from_settings()
    answer = provider.start(
        Subject(
            external_id=investor.external_id,
            kind=investor.kind,
            legal_name=investor.legal_name,
            documents=tuple(investor.documents.values_list("sha256", flat=True)),
        )
    )
    check = Check(
        investor=investor,
        provider=provider.name,
        status=answer.status,
        reason_code=answer.reason_code,
        finished_at=None if answer.status == CheckStatus.PENDING else now,
        created_at=now,
    )
    check.external_id = answer.external_id or check.public_id
    check.save(force_insert=True)
    source = f"provider:{provider.name}"
    store_facts(investor=investor, facts=answer.facts, source=source, actor=SYSTEM, now=now)
    return check


def _settle_submission(
    *, investor: Investor, check: Check, decision: Decision, now: datetime
) -> None:
    refused = Effect[decision.effect] > Effect.REVIEW
    failed = check.status == CheckStatus.FAILED
    rejected = refused or failed
    move(
        investor,
        to=InvestorStatus.REJECTED if rejected else InvestorStatus.IN_REVIEW,
        table=INVESTOR_TRANSITIONS,
        actor=SYSTEM,
        now=now,
        decision=decision,
        reason="" if refused or not failed else CHECK_FAILED,
        data={
            "decision_id": decision.public_id,
            "effect": decision.effect.lower(),
            "check_status": check.status.lower(),
        },
    )
