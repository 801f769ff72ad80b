"""Conditions compiled to closures of three answers: True, False, or None for unknown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kyc.policy.vocabulary import FACTS, FactType

Answer = bool | None
Condition = Callable[[Mapping[str, Any]], Answer]
Lists = Mapping[str, frozenset[str]]
WHOLE_BPS = 10_000


class ConditionInvalid(ValueError):
    """The condition names an unknown fact, list or operator."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition ready to be asked, and the facts it looks at."""

    ask: Condition
    facts: frozenset[str]


def compile_condition(source: Any, lists: Lists) -> Compiled:  # noqa: ANN401 - parsed YAML
    """Turn one node of a policy's ``when`` into a closure. Raises ConditionInvalid."""
    if not isinstance(source, dict):
        raise ConditionInvalid(f"expected a mapping, not {source!r}")
    for name, build in _BUILDERS.items():
        if name in source:
            return build(source, lists)
    raise ConditionInvalid(f"no operator among {sorted(source)}")


def _fact(source: Mapping[str, Any], lists: Lists) -> Compiled:
    name = _known_fact(source["fact"])
    applies = FACTS[name].kinds
    operator, operand = _only_operator(source, "fact", {"in", "is", "gte"})
    test = _test(operator, operand, lists)

    def ask(facts: Mapping[str, Any]) -> Answer:
        value = facts.get(name)
        if value is None:
            # A fact that cannot exist for this kind of investor is a "no", not a gap.
            return None if facts["kind"] in applies else False
        if isinstance(value, list):
            return any(map(test, value)) if value else None
        return test(value)

    return Compiled(ask, frozenset({name}))


def _test(operator: str, operand: Any, lists: Lists) -> Callable[[Any], bool]:  # noqa: ANN401
    if operator == "in":
        return _codes(operand, lists).__contains__
    if operator == "is":
        return lambda value: bool(value == operand)
    return lambda value: bool(value >= operand)


def _owners(source: Mapping[str, Any], lists: Lists) -> Compiled:
    """``owners: share`` sums the stakes of owners in ``of``; ``owners: control`` asks for a controller.

    Shares not accounted for could be anyone's: when they would reach the threshold the answer is
    unknown.
    """
    if FACTS["owners"].type is not FactType.OWNERS or source["owners"] not in {"share", "control"}:
        raise ConditionInvalid("owners asks for 'share' or 'control'")
    codes = _codes(source["of"], lists)
    attribute = source.get("by", "country")
    ask_owners = (
        _share_asker(codes, attribute, int(source["gte_bps"]))
        if source["owners"] == "share"
        else _control_asker(codes, attribute)
    )
    applies = FACTS["owners"].kinds

    def ask(facts: Mapping[str, Any]) -> Answer:
        owners = facts.get("owners")
        if owners is None:
            return None if facts["kind"] in applies else False
        return ask_owners(owners)

    return Compiled(ask, frozenset({"owners"}))


def _share_asker(
    codes: frozenset[str], attribute: str, threshold: int
) -> Callable[[list[dict[str, Any]]], Answer]:
    def ask(owners: list[dict[str, Any]]) -> Answer:
        held = sum(o["share_bps"] for o in owners if o.get(attribute) in codes)
        if held >= threshold:
            return True
        unaccounted = WHOLE_BPS - sum(o["share_bps"] for o in owners if o.get(attribute))
        return None if held + unaccounted >= threshold else False

    return ask


def _control_asker(
    codes: frozenset[str], attribute: str
) -> Callable[[list[dict[str, Any]]], Answer]:
    def ask(owners: list[dict[str, Any]]) -> Answer:
        return any(o["controls"] and o.get(attribute) in codes for o in owners)

    return ask


def _any_of(source: Mapping[str, Any], lists: Lists) -> Compiled:
    parts, facts = _parts(source["any_of"], lists)

    def ask(known: Mapping[str, Any]) -> Answer:
        answer: Answer = False
        for part in parts:
            one = part(known)
            if one:
                return True
            if one is None:
                answer = None
        return answer

    return Compiled(ask, facts)


def _all_of(source: Mapping[str, Any], lists: Lists) -> Compiled:
    parts, facts = _parts(source["all_of"], lists)

    def ask(known: Mapping[str, Any]) -> Answer:
        answer: Answer = True
        for part in parts:
            one = part(known)
            if one is False:
                return False
            if one is None:
                answer = None
        return answer

    return Compiled(ask, facts)


def _none_of(source: Mapping[str, Any], lists: Lists) -> Compiled:
    inner = _any_of({"any_of": source["none_of"]}, lists)

    def ask(known: Mapping[str, Any]) -> Answer:
        answer = inner.ask(known)
        return None if answer is None else not answer

    return Compiled(ask, inner.facts)


def _count_true(source: Mapping[str, Any], lists: Lists) -> Compiled:
    parts, facts = _parts(source["count_true"], lists)
    threshold = int(source["gte"])

    def ask(known: Mapping[str, Any]) -> Answer:
        answers = [part(known) for part in parts]
        true = answers.count(True)
        if true >= threshold:
            return True
        return None if true + answers.count(None) >= threshold else False

    return Compiled(ask, facts)


_BUILDERS: dict[str, Callable[[Mapping[str, Any], Lists], Compiled]] = {
    "fact": _fact,
    "owners": _owners,
    "any_of": _any_of,
    "all_of": _all_of,
    "none_of": _none_of,
    "count_true": _count_true,
}


def _parts(sources: Any, lists: Lists) -> tuple[tuple[Condition, ...], frozenset[str]]:  # noqa: ANN401
    if not isinstance(sources, list) or not sources:
        raise ConditionInvalid("expected a list of conditions")
    compiled = [compile_condition(source, lists) for source in sources]
    facts = frozenset(name for each in compiled for name in each.facts)
    return tuple(each.ask for each in compiled), facts


def _known_fact(name: str) -> str:
    if name not in FACTS:
        raise ConditionInvalid(f"unknown fact {name!r}")
    return name


def _only_operator(source: Mapping[str, Any], subject: str, known: set[str]) -> tuple[str, Any]:
    operators = source.keys() - {subject}
    if len(operators) != 1 or not operators <= known:
        raise ConditionInvalid(f"{subject} needs exactly one of {sorted(known)}")
    operator = operators.pop()
    return operator, source[operator]


def _codes(source: Any, lists: Lists) -> frozenset[str]:  # noqa: ANN401 - parsed YAML
    if isinstance(source, str) and source.startswith("@"):
        if source not in lists:
            raise ConditionInvalid(f"unknown list {source}")
        return lists[source]
    if not isinstance(source, list):
        raise ConditionInvalid(f"expected a list of codes, not {source!r}")
    return frozenset(source)
