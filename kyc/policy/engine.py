"""evaluate(): facts and policies in, one explained outcome out; no database, clock or network."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.events import format_time
from kyc.policy.compiler import Policy, Rule
from kyc.policy.conditions import Answer
from kyc.policy.effects import Effect
from kyc.policy.writing import around_facts, canonical, write_body, write_facts
from kyc.states import EXIT_ACTIONS, OverrideKind

ENGINE = "1"


class Result(StrEnum):
    """What a rule with something to say said."""

    FIRED = "fired"
    UNKNOWN = "unknown"


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
    """A rule that fired, or that could not be answered.

    ``lifted_by`` names the override that took its effect away.
    """

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

    def written(self) -> str:
        """The canonical text of ``describe()``."""
        around = _AROUND.get(self.said)
        if around is None:
            if len(_AROUND) >= _AROUND_MAX:
                _AROUND.clear()
            around = _AROUND[self.said] = around_facts(self.describe())
        return f"{around[0]}{write_facts(self.facts)}{around[1]}"

    @property
    def said(self) -> tuple[str, str, Result, Effect, str]:
        """What tells it from every finding that says something else of other facts or the same."""
        return self.policy.sha256, self.rule.id, self.result, self.effect, self.lifted_by


# By what is said: of every policy's text the parts that hold for all investors.
_AROUND: dict[tuple[str, str, Result, Effect, str], tuple[str, str]] = {}
_AROUND_MAX = 4096


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer: the strictest effect left standing, and what every rule said.

    ``findings`` are the rules that fired or could not be answered; the ids of all others stand in
    ``not_fired`` and, when a rule is not about the action, in ``not_concerned``.
    """

    effect: Effect
    findings: tuple[Finding, ...]
    not_fired: tuple[str, ...]
    not_concerned: tuple[str, ...]
    as_of: datetime
    policies: tuple[Policy, ...]

    @property
    def speaking(self) -> tuple[Finding, ...]:
        """Findings whose effect counts: stricter than ALLOW and not lifted."""
        return tuple(f for f in self.findings if f.effect > Effect.ALLOW and not f.lifted_by)

    def describe(self) -> dict[str, Any]:
        """The whole answer as JSON values, in the order of policies and rules."""
        return {
            "engine": ENGINE,
            "as_of": format_time(self.as_of),
            "effect": self.effect.name,
            "policies": [{"name": p.name, "sha256": p.sha256} for p in self.policies],
            "fired": [f.describe() for f in self.findings if f.result is Result.FIRED],
            "unknown": [f.describe() for f in self.findings if f.result is Result.UNKNOWN],
            "not_fired": list(self.not_fired),
            "not_concerned": list(self.not_concerned),
        }

    def body(self) -> bytes:
        """The canonical bytes of ``describe()``: a stored decision keeps them, a replay compares."""
        fired = [f.written() for f in self.findings if f.result is Result.FIRED]
        unknown = [f.written() for f in self.findings if f.result is Result.UNKNOWN]
        return write_body(
            {
                "engine": ENGINE,
                "as_of": format_time(self.as_of),
                "effect": self.effect.name,
            },
            lists={"not_fired": self.not_fired, "not_concerned": self.not_concerned},
            policies=tuple([(policy.name, policy.sha256) for policy in self.policies]),
            findings={"fired": fired, "unknown": unknown},
        )


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
    findings: list[Finding] = []
    not_fired: list[str] = []
    not_concerned: list[str] = []
    for policy in in_force:
        asked, others = policy.by_action[facts["action"]]
        not_concerned += others
        for rule in asked:
            answer = rule.when(facts)
            if answer is False:
                not_fired.append(rule.id)
            else:
                finding = _find(policy, rule, facts, answer=answer)
                findings.append(_lift(finding, grants.get(rule.id, ())))
    standing = [f.effect for f in findings if not f.lifted_by]
    return Outcome(
        effect=max(standing, default=Effect.ALLOW),
        findings=tuple(findings),
        not_fired=tuple(not_fired),
        not_concerned=tuple(not_concerned),
        as_of=as_of,
        policies=in_force,
    )


def _find(policy: Policy, rule: Rule, facts: Mapping[str, Any], *, answer: Answer) -> Finding:
    used = {name: facts[name] for name in rule.facts if name in facts}
    if answer is None:
        effect = rule.on_unknown_exit if facts["action"] in EXIT_ACTIONS else rule.on_unknown
        return Finding(rule, policy, Result.UNKNOWN, effect, used)
    effect = rule.effect_holder if facts["relationship"] == "holder" else rule.effect_new
    return Finding(rule, policy, Result.FIRED, effect, used)


def _lift(finding: Finding, grants: Sequence[Grant]) -> Finding:
    for grant in grants:
        if finding.effect > Effect.ALLOW and _lifts(grant, finding):
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
