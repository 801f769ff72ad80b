"""The matrix of a run cannot be green for want of kills: it counts over processes, and names what is missing."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from config.devstack.places import CHECKOUT
from tests.crash.matrix import complaints

CONFTEST = """
from pathlib import Path
from tests.crash.matrix import Matrix

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        here = Path(__file__).parent
        points = lambda: ["one.point", "other.point"]
        config.pluginmanager.register(Matrix(config, planted=points, whole=[here]))
"""
KILLS = """
def test_of_one_file(record_property):
    for point in {points}:
        record_property("died_at", point)
"""
BOTH = ["one.point", "other.point"]


@pytest.fixture
def small_run(tmp_path):
    """A run of two files, each of which tells of its kills, as ``./dev test`` starts it."""

    def run(first, second, *options):
        (tmp_path / "conftest.py").write_text(CONFTEST)
        (tmp_path / "test_first.py").write_text(KILLS.format(points=first))
        (tmp_path / "test_second.py").write_text(KILLS.format(points=second))
        plugins = ["-p", "xdist", "-p", "no:cacheprovider"]
        place = ["-c", os.devnull, "--rootdir", str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, *place, *options, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize(
    "deaths",
    [{}, {"one.point": 2}, {"one.point": 2, "other.point": 1}],
    ids=["never", "the-other-only", "once"],
)
def test_a_point_that_was_not_died_at_twice_is_named(deaths):
    times = deaths.get("other.point", 0)
    found = complaints(BOTH, Counter(deaths))
    assert found[-1] == f"other.point: died at {times} times, not 2"
    assert len(found) == (1 if deaths else 2)


def test_a_point_that_was_died_at_twice_is_no_complaint():
    assert complaints(BOTH, Counter(BOTH * 2)) == []


def test_kills_of_two_processes_are_counted_together(small_run):
    code, shown = small_run(BOTH, BOTH, "--numprocesses", "2", "--dist", "loadfile")
    assert code == 0, shown
    assert "2 failpoints, 4 deaths, each point died at 2 times or more" in shown


def test_a_green_run_that_missed_a_point_fails_and_names_it(small_run):
    code, shown = small_run(BOTH, ["one.point"], "--numprocesses", "2", "--dist", "loadfile")
    assert code == pytest.ExitCode.TESTS_FAILED, shown
    assert "2 passed" in shown
    assert "MISSED other.point: died at 1 times, not 2" in shown


def test_a_run_without_any_kill_fails(small_run):
    code, shown = small_run([], [])
    assert code == pytest.ExitCode.TESTS_FAILED, shown
    assert shown.count("MISSED") == 2


def test_a_run_of_chosen_tests_is_not_blamed_for_the_others(small_run):
    code, shown = small_run(BOTH, [], "-k", "first")
    assert code == 0, shown
    assert "MISSED" not in shown
