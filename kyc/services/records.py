"""What several use cases share: facts stored beside their predecessors, and a fresh decision."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core import events
from core.actors import Actor
from core.transitions import move
from kyc import queries
from kyc.models import Fact, Investor
from kyc.policy import decisions
from kyc.policy.effects import Effect
from kyc.policy.facts import FactInvalid, FactUnknown, canonical_value, phone_value
from kyc.policy.vocabulary import DECLARABLE, FACTS, PHONE
from kyc.services.refusals import InvestorFinal
from kyc.states import (
    FINAL_INVESTOR,
    HOLDER,
    INVESTOR_TRANSITIONS,
    MAY_REINSTATE,
    Action,
    InvestorStatus,
)

DECLARED = "declared"
_PROPOSABLE = MAY_REINSTATE | {InvestorStatus.IN_REVIEW}
# How strict each standing is; a fresh decision tightens it and never loosens it.
_STRICTNESS = {
    InvestorStatus.APPROVED: 0,
    InvestorStatus.SUSPENDED: 1,
    InvestorStatus.EXIT_ONLY: 2,
    InvestorStatus.FROZEN: 3,
}


def store_facts(
    *, investor: Investor, facts: Mapping[str, Any], source: str, actor: Actor, now: datetime
) -> list[str]:
    """Append what ``source`` says; the same source's earlier word on a fact is superseded.

    Returns the names of the facts that changed. Raises FactInvalid or InvestorFinal.
    """
    if investor.status in FINAL_INVESTOR:
        raise InvestorFinal
    earlier = {
        fact.name: fact
        for fact in Fact.objects.filter(
            investor=investor, source=source, name__in=facts, superseded_by__isnull=True
        )
    }
    changed = []
    for name, value in facts.items():
        text = json.dumps(_checked(investor, name, value), separators=(",", ":"))
        before = earlier.get(name)
        if before is not None and before.value == text:
            continue
        Fact.objects.create(
            investor=investor,
            name=name,
            value=text,
            source=source,
            recorded_by=str(actor),
            recorded_at=now,
            valid_from=now,
            supersedes=before,
        )
        changed.append(name)
    return sorted(changed)


def redecide(*, investor: Investor, trigger: str, actor: Actor, now: datetime) -> None:
    """After new evidence: drop a pending proposal and tighten a holder's standing if need be.

    Loosening takes two people and is no business of this function.
    """
    if investor.status in _PROPOSABLE and investor.proposed_by:
        # The checker must approve what the maker saw.
        Investor.objects.filter(pk=investor.pk).update(
            proposed_by="", proposed_at=None, version=investor.version + 1
        )
        investor.proposed_by, investor.proposed_at = "", None
        investor.version += 1
        events.record(event_type="investor.proposal_dropped", row=investor, actor=actor, now=now)
    if investor.status not in HOLDER:
        return
    decision = decisions.decide(
        investor=investor, action=Action.ONBOARD, context={}, now=now, trigger=trigger
    )
    decision.save(force_insert=True)
    standing = _standing_after(Effect[decision.effect])
    if standing is None or _STRICTNESS[standing] <= _STRICTNESS[InvestorStatus(investor.status)]:
        return
    move(
        investor,
        to=standing,
        table=INVESTOR_TRANSITIONS,
        actor=actor,
        now=now,
        decision=decision,
        proposed_by="",
        approved_by="",
        data={"decision_id": decision.public_id, "effect": decision.effect.lower()},
    )


def _standing_after(effect: Effect) -> InvestorStatus | None:
    if effect is Effect.FREEZE:
        return InvestorStatus.FROZEN
    return InvestorStatus.EXIT_ONLY if effect > Effect.REVIEW else None


def _checked(investor: Investor, name: str, value: Any) -> Any:  # noqa: ANN401 - a JSON value
    if name == PHONE:
        phone_value(value)
        return value
    if name not in DECLARABLE:
        raise FactUnknown(f"{name[:40]!r} cannot be declared.", field=f"/facts/{name[:40]}")
    if investor.kind.lower() not in FACTS[name].kinds:
        raise FactInvalid(
            f"{name} does not apply to this kind of investor.", field=f"/facts/{name}"
        )
    return canonical_value(name, value)


def latest_check_status(*, investor: Investor) -> str:
    """The status of the newest identity check, or an empty string."""
    check = queries.latest_check(investor_id=investor.pk)
    return "" if check is None else str(check.status)
