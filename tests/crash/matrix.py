"""Where processes died in this test run, told by those who saw them die."""

from collections import Counter

_deaths: Counter[str] = Counter()


def note(point: str, times: int = 1) -> None:
    """A process died at the failpoint by SIGKILL."""
    _deaths[point] += times


def deaths() -> dict[str, int]:
    """How often each failpoint was died at so far."""
    return dict(_deaths)
