"""Policies as data: YAML or canonical JSON in, validated rules with compiled conditions out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import yaml

from kyc.policy.conditions import Compiled, Condition, ConditionInvalid, compile_condition
from kyc.policy.effects import Effect
from kyc.states import Action

QUOTE_LENGTH_MAX = 400
_POLICY_KEYS = {"policy", "number", "title", "document", "valid_from", "valid_to", "lists", "rules"}
_RULE_KEYS = {
    "id",
    "document",
    "clause",
    "quote",
    "sentence",
    "actions",
    "when",
    "effect",
    "on_unknown",
    "overridable",
    "proofs",
    "reviewable",
    "conditions",
}


class PolicyInvalid(ValueError):
    """The text is not a policy; the message names the place and what was expected there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, ready to be asked. ``facts`` names every fact its condition looks at."""

    id: str
    document: str
    clause: str
    quote: str
    sentence: str
    actions: frozenset[str]
    when: Condition
    facts: tuple[str, ...]
    effect_new: Effect
    effect_holder: Effect
    on_unknown: Effect
    on_unknown_exit: Effect
    overridable: bool
    proofs: frozenset[str]
    reviewable: bool
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of one policy; ``body`` is its canonical text and ``sha256`` its name for ever."""

    name: str
    number: int
    title: str
    document: str
    valid_from: datetime
    valid_to: datetime | None
    rules: tuple[Rule, ...]
    # For each action: the rules to ask, and the ids of those that are not about it.
    by_action: Mapping[str, tuple[tuple[Rule, ...], tuple[str, ...]]]
    body: bytes
    sha256: str

    def in_force(self, as_of: datetime) -> bool:
        """Whether the policy applies at that moment."""
        return self.valid_from <= as_of and (self.valid_to is None or as_of < self.valid_to)

    def rule(self, rule_id: str) -> Rule:
        """The rule with that id. Raises KeyError."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def read_yaml(text: str) -> Policy:
    """Compile a policy as people write it. Raises PolicyInvalid."""
    try:
        source = yaml.safe_load(text)
    except yaml.YAMLError as broken:
        raise PolicyInvalid(f"not YAML: {broken}") from broken
    body = json.dumps(
        source, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )
    return read_canonical(body.encode())


def read_canonical(body: bytes) -> Policy:
    """Compile a policy from the bytes that ``Policy.body`` keeps. Raises PolicyInvalid."""
    source = json.loads(body)
    _check_keys(source, _POLICY_KEYS, {"lists", "valid_to"}, "policy")
    lists = {name: _codes(name, codes) for name, codes in source.get("lists", {}).items()}
    rules = tuple(_rule(each, source["document"], lists) for each in source["rules"])
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        _refuse(source["policy"], "rule ids must differ")
    valid_to = source.get("valid_to")
    return Policy(
        name=source["policy"],
        number=source["number"],
        title=source["title"],
        document=source["document"],
        valid_from=_date(source["valid_from"]),
        valid_to=_date(valid_to) if valid_to else None,
        rules=rules,
        by_action={str(action): _concerned(rules, str(action)) for action in Action},
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _rule(source: Mapping[str, Any], document: str, lists: Mapping[str, frozenset[str]]) -> Rule:
    optional = _RULE_KEYS - {"id", "clause", "quote", "sentence", "when", "effect"}
    place = str(source.get("id", "rule"))
    _check_keys(source, _RULE_KEYS, optional, place)
    if len(source["quote"]) > QUOTE_LENGTH_MAX:
        _refuse(place, f"a quote has at most {QUOTE_LENGTH_MAX} letters")
    try:
        compiled: Compiled = compile_condition(source["when"], lists)
    except ConditionInvalid as broken:
        raise PolicyInvalid(f"{place}: {broken}") from broken
    effects = _effects(source["effect"], ("new", "holder"), place)
    unknown = _effects(source.get("on_unknown", "ALLOW"), ("entry", "exit"), place)
    return Rule(
        id=source["id"],
        document=source.get("document", document),
        clause=source["clause"],
        quote=source["quote"],
        sentence=source["sentence"],
        actions=_actions(source.get("actions", "all"), place),
        when=compiled.ask,
        facts=tuple(sorted(compiled.facts)),
        effect_new=effects[0],
        effect_holder=effects[1],
        on_unknown=unknown[0],
        on_unknown_exit=unknown[1],
        overridable=source.get("overridable", False),
        proofs=frozenset(source.get("proofs", ())),
        reviewable=source.get("reviewable", True),
        conditions=tuple(source.get("conditions", ())),
    )


def _concerned(rules: tuple[Rule, ...], action: str) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    asked = tuple(rule for rule in rules if action in rule.actions)
    return asked, tuple(rule.id for rule in rules if action not in rule.actions)


def _codes(name: str, source: Any) -> frozenset[str]:  # noqa: ANN401 - parsed YAML
    # Unquoted NO is false in YAML, and a list without Norway would go unseen.
    if not isinstance(source, list) or not all(isinstance(code, str) for code in source):
        _refuse(name, "a list holds codes as text")
    return frozenset(source)


def _actions(source: Any, place: str) -> frozenset[str]:  # noqa: ANN401 - parsed YAML
    known = frozenset(str(action) for action in Action)
    if source == "all":
        return known
    if not isinstance(source, list) or not source or not known.issuperset(source):
        _refuse(place, f"actions are 'all' or some of {sorted(known)}")
    return frozenset(source)


def _effects(source: Any, names: tuple[str, str], place: str) -> tuple[Effect, Effect]:  # noqa: ANN401
    pair = (source, source) if isinstance(source, str) else tuple(source.get(n) for n in names)
    try:
        return Effect[pair[0]], Effect[pair[1]]
    except KeyError as unknown:
        _refuse(place, f"{unknown} is no effect; use one or {{{names[0]}, {names[1]}}}")


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _check_keys(source: Any, known: set[str], optional: set[str], place: str) -> None:  # noqa: ANN401
    if not isinstance(source, dict):
        _refuse(place, "must be a mapping")
    if extra := source.keys() - known:
        _refuse(place, f"unknown keys {sorted(extra)}")
    if missing := known - optional - source.keys():
        _refuse(place, f"missing keys {sorted(missing)}")


def _refuse(place: str, message: str) -> NoReturn:
    raise PolicyInvalid(f"{place}: {message}")
