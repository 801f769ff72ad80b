"""The short profile's matrix: storm and single kills together die at every failpoint twice."""

from pathlib import Path

from crash.crew import planted
from tests.crash import matrix

DEATHS_MIN = 2


def test_every_failpoint_was_died_at_at_least_twice(request):
    """Judged where the whole folder runs in one process; a part of it cannot fill the matrix."""
    here = Path(__file__).parent
    ran = {item.path.name for item in request.session.items if item.path.parent == here}
    if ran < {path.name for path in here.glob("test_*.py")} or hasattr(
        request.config, "workerinput"
    ):
        return
    deaths = matrix.deaths()
    seldom = {point: deaths.get(point, 0) for point in planted()}
    assert {p: times for p, times in seldom.items() if times < DEATHS_MIN} == {}
