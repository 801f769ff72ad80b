"""evaluate(): facts and policies in, one explained outcome out; no database, clock or network."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.events import format_time
from kyc.policy.compiler import Policy, Rule
from kyc.policy.effects import Effect
from kyc.states import EXIT_ACTIONS, OverrideKind

ENGINE = "1"


class Result(StrEnum):
    """What one rule said."""

    FIRED = "fired"
    UNKNOWN = "unknown"
    NOT_FIRED = "not_fired"
    NOT_CONCERNED = "not_concerned"  # the rule is not about this action


@dataclass(frozen=True, slots=True)
class Grant:
    """An override as the engine sees it. ``proofs`` names the evidence that is on file."""

    id: str
    rule: str
    kind: str
    valid_from: datetime
    valid_to: datetime
    proofs: frozenset[str] = frozenset()
    facts_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's result. ``lifted_by`` names the override that took its effect away."""

    rule: Rule
    policy: Policy
    result: Result
    effect: Effect
    facts: Mapping[str, Any]
    lifted_by: str = ""

    @property
    def facts_sha256(self) -> str:
        """Hash of the facts this rule saw; a review of the rule holds for these facts only."""
        return hashlib.sha256(canonical(self.facts)).hexdigest()

    def describe(self) -> dict[str, Any]:
        """The public form: sentence, citation, effect and the facts used."""
        described = {
            "id": self.rule.id,
            "policy": self.policy.name,
            "result": str(self.result),
            "effect": self.effect.name,
            "sentence": self.rule.sentence,
            "document": self.rule.document,
            "clause": self.rule.clause,
            "quote": self.rule.quote,
            "facts": self.facts,
        }
        if self.rule.conditions and not self.lifted_by:
            described["conditions"] = list(self.rule.conditions)
        if self.lifted_by:
            described["lifted_by"] = self.lifted_by
        return described


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer: the strictest effect left standing, and what every rule said."""

    effect: Effect
    findings: tuple[Finding, ...]
    as_of: datetime
    policies: tuple[Policy, ...]

    @property
    def speaking(self) -> tuple[Finding, ...]:
        """Findings whose effect counts: fired or unknown, stricter than ALLOW, not lifted."""
        return tuple(f for f in self.findings if f.effect > Effect.ALLOW and not f.lifted_by)

    def describe(self) -> dict[str, Any]:
        """The whole answer as JSON values, in the order of policies and rules."""
        named = {Result.NOT_FIRED: [], Result.NOT_CONCERNED: []}  # type: dict[Result, list[str]]
        full: dict[Result, list[dict[str, Any]]] = {Result.FIRED: [], Result.UNKNOWN: []}
        for finding in self.findings:
            if finding.result in named:
                named[finding.result].append(finding.rule.id)
            else:
                full[finding.result].append(finding.describe())
        return {
            "engine": ENGINE,
            "as_of": format_time(self.as_of),
            "effect": self.effect.name,
            "policies": [{"name": p.name, "sha256": p.sha256} for p in self.policies],
            "fired": full[Result.FIRED],
            "unknown": full[Result.UNKNOWN],
            "not_fired": named[Result.NOT_FIRED],
            "not_concerned": named[Result.NOT_CONCERNED],
        }

    def body(self) -> bytes:
        """The canonical bytes of ``describe()``: what a stored decision keeps and a replay compares."""
        return canonical(self.describe())


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The one way to write a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def evaluate(
    policies: Sequence[Policy],
    facts: Mapping[str, Any],
    as_of: datetime,
    overrides: Iterable[Grant] = (),
) -> Outcome:
    """Ask every rule of every policy in force at ``as_of``; the strictest effect wins.

    ``facts`` must be canonical (see ``kyc.policy.facts.prepare``) and name ``kind``, ``action``
    and ``relationship``. An absent fact is unknown, never "no". An override lifts only the rule
    it names, and only while it is valid and complete.
    """
    in_force = tuple(policy for policy in policies if policy.in_force(as_of))
    grants: dict[str, list[Grant]] = {}
    for grant in overrides:
        if grant.valid_from <= as_of < grant.valid_to:
            grants.setdefault(grant.rule, []).append(grant)
    findings = []
    worst = Effect.ALLOW
    for policy in in_force:
        for rule in policy.rules:
            finding = _ask(policy, rule, facts)
            if finding.effect > Effect.ALLOW and rule.id in grants:
                finding = _lift(finding, grants[rule.id])
            if finding.effect > worst and not finding.lifted_by:
                worst = finding.effect
            findings.append(finding)
    return Outcome(effect=worst, findings=tuple(findings), as_of=as_of, policies=in_force)


def _ask(policy: Policy, rule: Rule, facts: Mapping[str, Any]) -> Finding:
    action = facts["action"]
    if action not in rule.actions:
        return Finding(rule, policy, Result.NOT_CONCERNED, Effect.ALLOW, {})
    answer = rule.when(facts)
    if answer is False:
        return Finding(rule, policy, Result.NOT_FIRED, Effect.ALLOW, {})
    used = {name: facts[name] for name in rule.facts if name in facts}
    if answer is None:
        effect = rule.on_unknown_exit if action in EXIT_ACTIONS else rule.on_unknown
        return Finding(rule, policy, Result.UNKNOWN, effect, used)
    effect = rule.effect_holder if facts["relationship"] == "holder" else rule.effect_new
    return Finding(rule, policy, Result.FIRED, effect, used)


def _lift(finding: Finding, grants: list[Grant]) -> Finding:
    for grant in grants:
        if _lifts(grant, finding):
            return Finding(
                rule=finding.rule,
                policy=finding.policy,
                result=finding.result,
                effect=finding.effect,
                facts=finding.facts,
                lifted_by=grant.id,
            )
    return finding


def _lifts(grant: Grant, finding: Finding) -> bool:
    rule = finding.rule
    if grant.kind == OverrideKind.REVIEWED:
        same_facts = grant.facts_sha256 == finding.facts_sha256
        return rule.reviewable and finding.effect is Effect.REVIEW and same_facts
    return rule.overridable and rule.proofs <= grant.proofs
