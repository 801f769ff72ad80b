"""The id of the request being served, for log lines, events and problem documents."""

from contextvars import ContextVar, Token

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_id() -> str:
    """The request id of this thread of work, or an empty string outside a request."""
    return _current.get()


def set_id(request_id: str) -> Token[str]:
    """Name the request now being served; give the result to ``reset_id``."""
    return _current.set(request_id)


def reset_id(reset: Token[str]) -> None:
    """Forget the request id set by ``set_id``."""
    _current.reset(reset)
