"""decide() and require(): today's policies on what is known of one investor, as an unsaved row."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import DomainError
from core.ids import new_uuid
from core.lean import unsaved
from kyc.models import Decision, Investor, PolicyVersion
from kyc.policy.active import active_policies, unsaved_versions
from kyc.policy.dossiers import Dossier, dossiers_of, facts_of, grants_of
from kyc.policy.effects import Effect
from kyc.policy.engine import Finding, Grant, Outcome, Result, evaluate
from kyc.policy.errors import InvestorNotApproved, KycExpired, NotEligible
from kyc.policy.facts import merge, prepare
from kyc.policy.territory import numeric_country
from kyc.policy.writing import canonical
from kyc.states import EXIT_ACTIONS, FINAL_INVESTOR, HOLDER, Action, InvestorKind, InvestorStatus

_MONEY_IN = frozenset({Action.MINT, Action.DEPOSIT})
_MAY_EXIT = frozenset({InvestorStatus.APPROVED, InvestorStatus.EXIT_ONLY, InvestorStatus.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Assessment:
    """A decision still to be saved, with the engine's own outcome behind it."""

    decision: Decision
    outcome: Outcome


def decide(
    *,
    investor: Investor,
    action: str,
    context: Mapping[str, str],
    now: datetime,
    trigger: str = "",
) -> Decision:
    """Evaluate today's policies for ``investor`` and return the decision, not yet saved.

    ``context`` holds facts of the request, such as ``session_country`` or
    ``settlement_currency``. Save with ``decision.save(force_insert=True)``; a preview just drops
    it. Raises FactInvalid when the context is not in the vocabulary.
    """
    return assess(
        investor=investor, action=action, context=context, now=now, trigger=trigger
    ).decision


def assess(
    *,
    investor: Investor,
    action: str,
    context: Mapping[str, str],
    now: datetime,
    trigger: str = "",
) -> Assessment:
    """As ``decide``, with the outcome beside the row."""
    dossier = dossiers_of(investor_ids=[investor.pk], now=now)[investor.pk]
    judged = _Judge(action=action, context=context, now=now).judge(investor, dossier)
    decision = _row(judged, investor, trigger=trigger or action)
    decision.policy_versions = unsaved_versions(judged.outcome.policies, now=now)
    return Assessment(decision, judged.outcome)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One evaluation: what every decision row about it says, written and hashed once."""

    outcome: Outcome
    columns: Mapping[str, Any]


class _Judge:
    """The policies at one moment. Whoever is known by the very same facts is evaluated once."""

    def __init__(self, *, action: str, context: Mapping[str, str], now: datetime) -> None:
        self._action, self._now = str(Action(action)), now
        self._context = prepare(context)
        self._judged: dict[bytes, _Judged] = {}
        # By what was said: many who differ in a fact hear the same of the same rules.
        self._fired: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    def judge(self, investor: Investor, dossier: Dossier) -> _Judged:
        """What the policies say of this investor."""
        facts = facts_of(investor, dossier)
        for name, value in self._context.items():
            merge(facts, name, value)
        facts["action"] = self._action
        grants = grants_of(dossier.overrides)
        # Everything the engine is given: the same bytes have the same outcome.
        snapshot = write_snapshot(facts=facts, grants=grants)
        if snapshot not in self._judged:
            outcome = evaluate(active_policies(), facts, self._now, grants)
            self._judged[snapshot] = _Judged(outcome, self._columns(outcome, snapshot))
        return self._judged[snapshot]

    def _columns(self, outcome: Outcome, snapshot: bytes) -> dict[str, Any]:
        body, findings = outcome.body(), outcome.findings
        return {
            "version": 1,
            "action": self._action,
            "effect": outcome.effect.name,
            "as_of": self._now,
            "created_at": self._now,
            "policies": [policy.sha256 for policy in outcome.policies],
            # The facts each rule saw stand in the encrypted body only.
            "fired": self._said(findings),
            "unknown": [f.rule.id for f in findings if f.result is Result.UNKNOWN],
            "snapshot": snapshot,
            "snapshot_sha256": hashlib.sha256(snapshot).hexdigest(),
            "body": body,
            "sha256": hashlib.sha256(body).hexdigest(),
        }

    def _said(self, findings: Sequence[Finding]) -> list[dict[str, Any]]:
        said = tuple([finding.said for finding in findings])
        if said not in self._fired:
            self._fired[said] = [_without_facts(finding) for finding in findings]
        return self._fired[said]


def require(
    *,
    investor: Investor,
    action: str,
    context: Mapping[str, str],
    now: datetime,
    trigger: str = "",
) -> Decision:
    """The decision, when it permits ``action``; unsaved. The caller saves it with its effect.

    Permitting effects are ALLOW, CONDITIONS and REVIEW (the caller lets a person look first), and
    EXIT_ONLY for an exit. Raises InvestorNotApproved, KycExpired (entry only), or NotEligible,
    whose ``evidence`` is the decision, so that the refusal is stored with its reasons.
    """
    require_standing(investor=investor, action=action, now=now)
    decision = decide(investor=investor, action=action, context=context, now=now, trigger=trigger)
    if not permits(effect=decision.effect, action=action):
        raise not_eligible(decision)
    return decision


def require_each(
    *, investors: Sequence[Investor], action: str, now: datetime, trigger: str = ""
) -> list[Decision | DomainError]:
    """``require`` for each place of the list, with what is known of all of them read at once.

    Where ``require`` would raise, the refusal stands in the list. An investor named twice is
    judged once and gets a decision of its own at each place.
    """
    dossiers = dossiers_of(investor_ids={each.pk for each in investors}, now=now)
    judge, judged = _Judge(action=action, context={}, now=now), dict[uuid.UUID, _Judged]()
    # The policies in force at one moment, the same for whoever is judged.
    versions: list[PolicyVersion] = []
    answers: list[Decision | DomainError] = []
    for investor in investors:
        try:
            require_standing(investor=investor, action=action, now=now)
        except DomainError as refusal:
            answers.append(refusal)
            continue
        if investor.pk not in judged:
            judged[investor.pk] = judge.judge(investor, dossiers[investor.pk])
        found = judged[investor.pk]
        versions = versions or unsaved_versions(found.outcome.policies, now=now)
        decision = _row(found, investor, trigger=trigger or action)
        decision.policy_versions = versions
        permitted = permits(effect=decision.effect, action=action)
        answers.append(decision if permitted else not_eligible(decision))
    return answers


def require_standing(*, investor: Investor, action: str, now: datetime) -> None:
    """Refuse by the investor's state alone. Raises InvestorNotApproved or KycExpired."""
    status = InvestorStatus(investor.status)
    expires = investor.kyc_expires_at
    if action in _MONEY_IN and status in HOLDER and expires is not None and expires <= now:
        raise KycExpired
    if action == Action.REGISTER_WALLET:
        allowed = status not in FINAL_INVESTOR
    elif action in EXIT_ACTIONS:
        allowed = status in _MAY_EXIT
    else:
        allowed = status == InvestorStatus.APPROVED
    if not allowed:
        raise InvestorNotApproved(f"The investor is {status.lower()}.", state=status.lower())


def permits(*, effect: str, action: str) -> bool:
    """Whether a decision of this effect lets ``action`` go ahead, if need be after a review."""
    ceiling = Effect.EXIT_ONLY if action in EXIT_ACTIONS else Effect.REVIEW
    return Effect[effect] <= ceiling


def not_eligible(decision: Decision) -> NotEligible:
    """The refusal that carries ``decision`` as evidence and cites every rule behind it."""
    speaking = [rule for rule in decision.fired if not rule.get("lifted_by")]
    strict = [rule for rule in speaking if rule["effect"] == decision.effect]
    refusal = NotEligible(
        " ".join(rule["sentence"] for rule in strict),
        decision_id=decision.public_id,
        effect=decision.effect.lower(),
        rules=[
            {name: rule[name] for name in ("id", "document", "clause", "quote")} for rule in strict
        ],
    )
    refusal.evidence = [decision]
    return refusal


def reviews(outcome: Outcome) -> list[Finding]:
    """The findings a person's approval answers: REVIEW effects that a review may answer."""
    return [f for f in outcome.speaking if f.effect is Effect.REVIEW and f.rule.reviewable]


def onchain_country(*, investor: Investor) -> int:
    """The ISO number the chain stores for this investor: residence, or place of organisation.

    Raises InvestorNotApproved when neither is known.
    """
    name = "residence" if investor.kind == InvestorKind.NATURAL else "incorporation"
    latest = investor.facts.filter(name=name, superseded_by__isnull=True).order_by("pk").last()
    if latest is None:
        raise InvestorNotApproved("The investor's country is not known.")
    return numeric_country(json.loads(latest.value)[0])


def kyc_expiry(*, investor: Investor) -> int:
    """When the investor's KYC ends, in Unix seconds, as the chain stores it; 0 when never approved."""
    return int(investor.kyc_expires_at.timestamp()) if investor.kyc_expires_at else 0


def write_snapshot(*, facts: Mapping[str, Any], grants: Sequence[Grant]) -> bytes:
    """The canonical bytes of everything the engine is given besides policies and time."""
    overrides = [
        {
            "id": grant.id,
            "rule": grant.rule,
            "kind": grant.kind,
            "valid_from": grant.valid_from.isoformat(),
            "valid_to": grant.valid_to.isoformat(),
            "proofs": sorted(grant.proofs),
            "facts_sha256": grant.facts_sha256,
        }
        for grant in grants
    ]
    return canonical({"facts": facts, "overrides": overrides})


def read_snapshot(snapshot: bytes) -> tuple[dict[str, Any], list[Grant]]:
    """The facts and overrides that ``write_snapshot`` wrote."""
    stored = json.loads(snapshot)
    grants = [
        Grant(
            **each
            | {
                "valid_from": datetime.fromisoformat(each["valid_from"]),
                "valid_to": datetime.fromisoformat(each["valid_to"]),
                "proofs": frozenset(each["proofs"]),
            }
        )
        for each in stored["overrides"]
    ]
    return stored["facts"], grants


def _row(judged: _Judged, investor: Investor, *, trigger: str) -> Decision:
    columns = {
        **judged.columns,
        "id": new_uuid(),
        "institution_id": investor.institution_id,
        "investor_id": investor.pk,
        "trigger": trigger,
    }
    return unsaved(Decision, columns)


def _without_facts(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in finding.describe().items() if name != "facts"}
