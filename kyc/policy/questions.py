"""A question put to the engine from a file: facts as people write them, no database."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kyc.policy.active import active_policies
from kyc.policy.engine import Grant, Outcome, evaluate
from kyc.policy.facts import FactInvalid, prepare
from kyc.policy.vocabulary import DECLARABLE, ENTITY, FACTS, NATURAL
from kyc.states import OverrideKind

_MEMBERS = {"subject", "facts", "as_of", "overrides"}
_DEFAULTS = {"action": "onboard", "relationship": "new", "standing": "open"}
_OVERRIDE_MEMBERS = {"rule", "proofs", "valid_from", "valid_to"}
_LONG_AGO, _FAR_AHEAD = "1970-01-01", "9999-12-31"


class QuestionInvalid(ValueError):
    """The file's content is not a question; the message says what was expected."""


def ask(question: object, *, now: datetime) -> Outcome:
    """Evaluate today's policies on one question.

    A question is ``{"facts": {...}, "as_of"?, "overrides"?, "subject"?}``, or just the facts. The
    vocabulary stands in docs/compliance/facts.md. Raises QuestionInvalid.
    """
    if not isinstance(question, Mapping):
        raise QuestionInvalid("a question is an object")
    members = question if "facts" in question else {"facts": question}
    if unknown := sorted(members.keys() - _MEMBERS):
        raise QuestionInvalid(f"unknown members {unknown}")
    if not isinstance(members["facts"], Mapping):
        raise QuestionInvalid("facts is an object")
    try:
        facts = prepare(_DEFAULTS | dict(members["facts"]))
    except FactInvalid as refused:
        raise QuestionInvalid(refused.detail) from refused
    facts.setdefault("kind", _kind(facts))
    as_of = _moment(members["as_of"]) if "as_of" in members else now
    grants = [_grant(each, number) for number, each in enumerate(members.get("overrides", ()))]
    return evaluate(active_policies(), facts, as_of, grants)


def _kind(facts: Mapping[str, Any]) -> str:
    """What kind of investor such facts can only be about; a person when nothing tells."""
    named = facts.keys() & (DECLARABLE | {"owners"})
    if any(FACTS[name].kinds == ENTITY for name in named):
        if any(FACTS[name].kinds == NATURAL for name in named):
            raise QuestionInvalid("facts of a person and of an entity together; name kind")
        return "entity"
    return "natural"


def _grant(source: object, number: int) -> Grant:
    if not isinstance(source, Mapping) or not {"rule"} <= source.keys() <= _OVERRIDE_MEMBERS:
        raise QuestionInvalid(f"an override has rule and some of {sorted(_OVERRIDE_MEMBERS)}")
    return Grant(
        id=f"override-{number}",
        rule=str(source["rule"]),
        kind=OverrideKind.EXEMPTION,
        valid_from=_moment(source.get("valid_from", _LONG_AGO)),
        valid_to=_moment(source.get("valid_to", _FAR_AHEAD)),
        proofs=frozenset(source.get("proofs", ())),
    )


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as broken:
        raise QuestionInvalid(f"{text!r} is no ISO 8601 time") from broken
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
