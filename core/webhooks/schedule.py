"""When to try again: the retry ladder, the breaker's pauses, and when to give an endpoint up."""

from datetime import timedelta

_MINUTE, _HOUR = 60, 3600
# Seconds before each attempt: 14 attempts over 71 h 52 min.
LADDER_SECONDS = (
    0,
    5,
    30,
    2 * _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    30 * _MINUTE,
    1 * _HOUR,
    2 * _HOUR,
    4 * _HOUR,
    8 * _HOUR,
    12 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
JITTER = 0.2
THROTTLED_SECONDS_MIN = 60
BREAKER_FAILURES = 10
_PAUSE_SECONDS_MIN = 30
_PAUSE_SECONDS_MAX = 15 * _MINUTE
GIVE_UP_AFTER = timedelta(days=5)


def delay_before(*, rung: int, retry_after_seconds: int | None, chance: float) -> timedelta | None:
    """How long to wait before attempt number ``rung`` (from 0), or None when the ladder ends.

    ``chance`` in [0, 1) spreads the retries by 20 % either way. A receiver's Retry-After is
    honoured within one to two times the ladder's own delay, and for at least a minute.
    """
    if rung >= len(LADDER_SECONDS):
        return None
    seconds = float(LADDER_SECONDS[rung])
    if retry_after_seconds is not None:
        seconds = min(max(retry_after_seconds, seconds), 2 * seconds)
        seconds = max(seconds, THROTTLED_SECONDS_MIN)
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * chance))


def pause_after(failures_in_a_row: int) -> timedelta | None:
    """How long the endpoint rests before one probe; None while too few attempts failed."""
    beyond = failures_in_a_row - BREAKER_FAILURES
    if beyond < 0:
        return None
    return timedelta(seconds=min(_PAUSE_SECONDS_MIN * 2 ** min(beyond, 10), _PAUSE_SECONDS_MAX))
