"""The id of the request being served, for log lines, events and problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_id() -> str:
    """The request id of this thread of work, or an empty string outside a request."""
    return _current.get()


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    """Name the request being served inside the block."""
    before = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(before)
