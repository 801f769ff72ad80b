"""The matrix of a run: which failpoints its workers died at, and how often, judged when all tests ran.

Each kill is told in the report of its test, and pytest brings the reports of every process to the
one that prints the result: only there is the whole seen, so only there is it judged.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

DEATHS_MIN = 2
DIED_AT = "died_at"
COLUMNS = 3


def complaints(planted: Sequence[str], deaths: Counter[str]) -> list[str]:
    """What is wrong with the matrix, a line for each point that was not died at often enough."""
    return [
        f"{point}: died at {deaths[point]} times, not {DEATHS_MIN}"
        for point in sorted(planted)
        if deaths[point] < DEATHS_MIN
    ]


class Matrix:
    """Counts the deaths of a whole run and fails it by the name of each point that was missed."""

    def __init__(
        self, config: pytest.Config, *, planted: Callable[[], Sequence[str]], whole: Sequence[Path]
    ) -> None:
        """``planted`` reads the points from the sources; ``whole`` are the folders of all kills."""
        self._config = config
        self._planted = planted
        self._whole = {path.resolve() for path in whole}
        self._deaths: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a test that passed has killed, in whatever process it ran."""
        if report.when == "call" and report.passed:
            told = report.user_properties
            self._deaths.update(str(value) for name, value in told if name == DIED_AT)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run whose tests are all green although a point was missed."""
        if self._is_judged() and session.exitstatus == pytest.ExitCode.OK and self._complaints():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the matrix to whoever reads the result."""
        if not self._is_judged():
            return
        terminalreporter.section("failpoints")
        points = sorted(self._planted())
        cells = [f"{point:<28}{self._deaths[point]:>4}   " for point in points]
        for first in range(0, len(cells), COLUMNS):
            terminalreporter.write_line("".join(cells[first : first + COLUMNS]).rstrip())
        for line in self._complaints():
            terminalreporter.write_line(f"MISSED {line}", red=True)
        fewest = min((self._deaths[point] for point in points), default=0)
        terminalreporter.write_line(
            f"{len(points)} failpoints, {sum(self._deaths.values())} deaths, "
            f"each point died at {fewest} times or more; {DEATHS_MIN} are asked for"
        )

    def _complaints(self) -> list[str]:
        return complaints(self._planted(), self._deaths)

    def _is_judged(self) -> bool:
        """Only a run that was asked for every kill can be blamed for a missing one."""
        option, base = self._config.option, self._config.invocation_params.dir
        chosen = [
            getattr(option, name, None)
            for name in (
                "keyword",
                "markexpr",
                "deselect",
                "ignore",
                "ignore_glob",
                "lf",
                "stepwise",
                "collectonly",
            )
        ]
        asked = {(base / each).resolve() for each in self._config.args}
        return not any(chosen) and bool(asked & self._whole)
