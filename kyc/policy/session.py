"""The place a request comes from: whether policy serves it, and the context for its decisions."""

from contextvars import ContextVar, Token
from datetime import UTC, date, datetime, time
from functools import lru_cache

from kyc.policy.active import active_policies
from kyc.policy.effects import Effect
from kyc.policy.engine import Finding, evaluate
from kyc.states import Action

_country: ContextVar[str] = ContextVar("session_country", default="")
_CACHED_PLACES = 512


def session_context() -> dict[str, str]:
    """The ``context`` a view hands to ``decide``: the session's country, when it is known."""
    country = _country.get()
    return {"session_country": country} if country else {}


def set_country(country: str) -> Token[str]:
    """Name the country of the request now being served; empty when unknown."""
    return _country.set(country)


def reset_country(reset: Token[str]) -> None:
    """Forget what ``set_country`` set."""
    _country.reset(reset)


@lru_cache(maxsize=_CACHED_PLACES)
def session_refusal(*, country: str, on: date) -> Finding | None:
    """The rule that forbids serving a client in ``country`` on that day (UTC), or None."""
    facts = {
        "kind": "entity",
        "action": str(Action.SESSION),
        "relationship": "new",
        "session_country": [country],
    }
    as_of = datetime.combine(on, time.max, tzinfo=UTC)
    outcome = evaluate(active_policies(), facts, as_of)
    refusing = [f for f in outcome.speaking if f.effect >= Effect.DENY]
    return refusing[0] if refusing else None
