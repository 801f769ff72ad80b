"""Telling a database that is away from a fault of ours."""

from django.db import InterfaceError, OperationalError

# SQLSTATE classes: connection exceptions, too many connections, and a server that shuts down or
# starts up. A cancelled statement (57014) or a lock that never came is no outage.
_CLASSES = ("08", "53", "57P")
_CAUSES_MAX = 10


def is_outage(error: BaseException | None) -> bool:
    """Whether the exception, or one it was raised from, says that the database cannot be reached."""
    seen = 0
    while error is not None and seen < _CAUSES_MAX:
        if isinstance(error, InterfaceError):
            return True
        if isinstance(error, OperationalError) and _is_away(error):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _is_away(error: OperationalError) -> bool:
    """Without an SQLSTATE the server never answered."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or str(state).startswith(_CLASSES)
