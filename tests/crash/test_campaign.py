"""The campaign itself: a short storm that must hold, and the judge, who must not be blind."""

import json
import os
import random
import shutil
import signal

import pytest

from config.devstack import places
from core import failpoints
from crash import document, golden
from crash.__main__ import result_of, run_spec
from crash.faults import FALSE_REFUSALS, RULES, Fault, choose
from crash.mutants import MUTANTS
from crash.results import Outcome
from crash.spec import Spec
from crash.weather import WEATHER

# Too short to die at every failpoint, so it asserts none by name: test_kills*.py and its like do.
STORM_SECONDS = 20
KILLS_MIN = 5
POINTS_MIN = 5


@pytest.fixture(scope="module")
def storm():
    """One short storm on servers of its own, with a failover and the naive control."""
    folder = places.session_folder("storm")
    spec = Spec(
        seed=20261122,
        seconds=STORM_SECONDS,
        hits_min=2,
        # On a busy machine it goes on, up to three times as long, until it was a storm.
        at_least={"failovers": 1, "kills": KILLS_MIN, "reorgs": 1, "rpc_faults": 1},
        folder=str(folder / "storm"),
        golden=str(golden.make_golden(folder)),
        workers=4,
        orders_per_second=4,
        failover_every=STORM_SECONDS / 2,
        control_orders=10,
        chance=0.06,
    )
    run_spec(spec).wait()
    yield result_of(spec)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_short_storm_mints_nothing_twice_and_loses_nothing(storm):
    assert storm["violations"] == []
    assert storm["is_drained"]
    assert storm["verdict"]["orders"] > 0
    assert storm["verdict"]["completed"] > 0


def test_a_short_storm_was_a_storm(storm):
    assert storm["kills"] >= KILLS_MIN
    assert sum(hits > 0 for hits in storm["failpoints"].values()) >= POINTS_MIN
    assert storm["chain"]["reorgs"] > 0
    assert sum(storm["rpc_faults"].values()) > 0
    assert storm["failovers"] > 0
    assert storm["accidents"] == 0


def test_a_reorganisation_below_finality_halts_the_network(storm):
    assert storm["halted_below_finality"]


def a_result(**changes):
    storm = {
        "spec": {"seed": 1, "control_orders": 50, "ends_below_finality": True},
        "orders": 5,
        "kills": 3,
        "failpoints": {"settle.precommit": 1},
        "rpc_faults": {"delay": 2, "drop_after": 1},
        "chain": {"reorgs": 4},
        "flushalls": 1,
        "lost_commits": 1,
        "is_drained": True,
        "halted_below_finality": True,
        "accidents": 0,
        "verdict": {"orders": 5, "control": 2},
        "violations": [],
        "seconds": 60.0,
        "stops": 1,
        "halts": 0,
        "failovers": 1,
        "lost_rows": 9,
    }
    return storm | changes


def test_the_json_has_the_promised_keys_and_no_others():
    assert list(Outcome(a_result(), {"F1": "killed"}).as_json()) == [
        "seed",
        "orders",
        "kills",
        "failpoints",
        "rpc_faults",
        "reorgs",
        "flushalls",
        "lost_commits",
        "double_mints",
        "lost",
        "falsely_settled",
        "supply_breaches",
        "control_double_mints",
        "mutants",
    ]


def test_a_clean_result_has_no_complaint():
    assert Outcome(a_result(), {"F1": "killed"}).complaints() == []


@pytest.mark.parametrize(
    ("changes", "mutants", "complaint"),
    [
        ({"failpoints": {"settle.precommit": 0}}, {}, "never killed at settle.precommit"),
        ({"verdict": {"I1": 1, "control": 1}}, {}, "double_mints: 1"),
        ({"verdict": {"I1b": 2, "control": 1}}, {}, "double_mints: 2"),
        ({"verdict": {"I2": 1, "I5": 1, "control": 1}}, {}, "lost: 2"),
        ({"verdict": {"I3": 1, "control": 1}}, {}, "supply_breaches: 1"),
        ({"verdict": {"I4": 1, "control": 1}}, {}, "falsely_settled: 1"),
        ({"verdict": {"I7": 1, "control": 1}}, {}, "I7: 1"),
        ({"verdict": {"I8": 1, "control": 1}}, {}, "I8: 1"),
        ({"verdict": {"no_verdict": 1, "control": 1}}, {}, "the checker gave no verdict"),
        ({"is_drained": False}, {}, "the work did not come to an end"),
        (
            {"halted_below_finality": False},
            {},
            "a reorganisation below finality did not halt the network",
        ),
        (
            {"verdict": {}},
            {},
            "the naive control minted nothing twice: the harness is blind",
        ),
        ({}, {"F9": "survived"}, "mutant F9 survived"),
    ],
)
def test_whatever_went_wrong_fails_the_run(changes, mutants, complaint):
    assert Outcome(a_result(**changes), mutants).complaints() == [complaint]


def test_there_are_fourteen_mutants_and_each_has_its_weather():
    assert list(MUTANTS) == list(WEATHER) == [f"F{number}" for number in range(1, 15)]


def test_the_same_seed_makes_the_same_weather():
    def drawn(seed):
        dice = random.Random(seed)
        return [choose("eth_sendRawTransaction", chance=0.1, dice=dice) for _ in range(200)]

    assert drawn(5) == drawn(5) != drawn(6)


def test_every_kind_of_fault_happens_to_some_method():
    dice = random.Random(1)
    methods = [
        "eth_sendRawTransaction",
        "eth_getTransactionReceipt",
        "eth_getTransactionCount",
        "eth_getBlockByNumber",
        "eth_chainId",
    ]
    drawn = {choose(method, chance=1.0, dice=dice) for method in methods for _ in range(900)}
    assert drawn - {None} == set(Fault) - RULES
    assert set(FALSE_REFUSALS) < drawn


def test_the_first_of_several_armed_points_ends_the_process(tmp_path):
    log = tmp_path / "passes"
    pid = os.fork()
    if pid == 0:
        failpoints.arm_many({"late": 2, "early": 1}, log=str(log))
        for name in ("late", "other", "early", "late"):
            failpoints.failpoint(name)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert log.read_text().split() == ["late", "other", "early"]


def test_the_table_shows_a_missed_bar_as_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(document, "PAGE", tmp_path / "page.md")
    document.PAGE.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    figures = Outcome(a_result(verdict={"I1": 3}), {"F1": "survived"}).as_json()
    document.keep("short", figures, a_result())
    document.write()
    page = document.PAGE.read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "| double mints | 3 | 0 | **MISSED** |" in page
    assert "| orders | 5 | 10,000 | 0% |" in page
    assert "Survived: F1." in page
    assert json.loads((tmp_path / "results" / "short.json").read_text())["figures"] == figures
