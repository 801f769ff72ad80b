"""The place the present request comes from, as the edge found it, for decisions made in it."""

from contextvars import ContextVar, Token

_country: ContextVar[str] = ContextVar("session_country", default="")


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
