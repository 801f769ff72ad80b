"""The campaign itself: a short storm that must hold, and the judge, who must not be blind."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys

import pytest

from config.devstack import places
from config.devstack.processes import StackError
from core import failpoints
from crash import __main__ as entry
from crash import document, golden
from crash.__main__ import run_through, wanted
from crash.faults import FALSE_REFUSALS, RULES, Fault, choose
from crash.results import Ending, Outcome, Trials
from crash.revision import revision
from crash.spec import Spec
from crash.trials.run import NAMES, run_trials

# Too short to die at every failpoint, so it asserts none by name: test_kills*.py and its like do.
STORM_SECONDS = 20
KILLS_MIN = 5
POINTS_MIN = 5


@pytest.fixture(scope="module")
def folder():
    """Where a campaign works, with the migrated database that it starts from."""
    folder = places.session_folder("storm")
    golden.make_golden(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def storm(folder):
    """One short storm on servers of its own, with a failover and the naive control."""
    spec = Spec(
        seed=20261122,
        seconds=STORM_SECONDS,
        hits_min=2,
        # On a busy machine it goes on, up to three times as long, until it was a storm.
        at_least={"failovers": 1, "kills": KILLS_MIN, "reorgs": 1, "rpc_faults": 1},
        folder=str(folder / "storm"),
        golden=str(folder / "golden"),
        workers=4,
        orders_per_second=4,
        failover_every=STORM_SECONDS / 2,
        control_orders=10,
        chance=0.06,
    )
    return run_through(spec)


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


A_SPEC = {"seed": 1, "control_orders": 50, "failover_every": 9.0, "chance": 0.1}
SEEING = {"control": 1, "blocks": 1}
A_VERDICT = {"orders": 5, "completed": 4, "control": 2, "blocks": 7}


def a_result(**changes):
    storm = {
        "spec": A_SPEC,
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
        "verdict": A_VERDICT,
        "violations": [],
        "seconds": 60.0,
        "stops": 1,
        "halts": 0,
        "failovers": 1,
        "lost_rows": 9,
        "redis_kills": 1,
        "database_crashes": 1,
        "splits": {},
        "mishaps": {},
    }
    return storm | changes


KILLED = Ending("killed", "I7 mined, but never saved")
SURVIVED = Ending("survived")


def test_the_json_has_the_promised_keys_and_no_others():
    assert list(Outcome(a_result()).as_json()) == [
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
    outcome = Outcome(a_result(), Trials({"F1": KILLED}))
    assert outcome.complaints() == []
    assert outcome.as_json()["mutants"] == {"F1": "killed"}


@pytest.mark.parametrize(
    ("changes", "trials", "complaint"),
    [
        ({"failpoints": {"settle.precommit": 0}}, {}, "never killed at settle.precommit"),
        ({"verdict": {"I1": 1, **SEEING}}, {}, "double_mints: 1"),
        ({"verdict": {"I1b": 2, **SEEING}}, {}, "double_mints: 2"),
        ({"verdict": {"I2": 1, "I5": 1, **SEEING}}, {}, "lost: 2"),
        ({"verdict": {"I3": 1, **SEEING}}, {}, "supply_breaches: 1"),
        ({"verdict": {"I4": 1, **SEEING}}, {}, "falsely_settled: 1"),
        ({"verdict": {"I7": 1, **SEEING}}, {}, "I7: 1"),
        ({"verdict": {"I8": 1, **SEEING}}, {}, "I8: 1"),
        ({"verdict": {"no_verdict": 1, "control": 1}}, {}, "the checker gave no verdict"),
        ({"is_drained": False}, {}, "the work did not come to an end"),
        (
            {"halted_below_finality": False},
            {},
            "a reorganisation below finality did not halt the network",
        ),
        (
            {"verdict": {"blocks": 1}},
            {},
            "the naive control minted nothing twice: the harness is blind",
        ),
        ({"verdict": {"control": 1}}, {}, "the judge checked no block"),
        ({"failovers": 0}, {}, "no failover happened"),
        ({"rpc_faults": {"delay": 0}}, {}, "no RPC fault happened"),
        ({"chain": {"reorgs": 2}}, {}, "no reorganisation happened in the storm"),
        ({}, {"mutants": {"F1": KILLED, "F9": SURVIVED}}, "mutant F9 survived"),
        (
            {},
            {"sound": KILLED},
            "the sound pipeline did not survive its trials: I7 mined, but never saved",
        ),
        (
            {},
            {"broken": "a trial ended without a word"},
            "the trials were not held to the end: a trial ended without a word",
        ),
    ],
    ids=[
        "a-point-without-a-death",
        "I1",
        "I1b",
        "I2-and-I5",
        "I3",
        "I4",
        "I7",
        "I8",
        "no-verdict",
        "work-without-end",
        "no-halt",
        "a-blind-harness",
        "a-blind-judge",
        "no-failover",
        "no-fault",
        "no-reorganisation",
        "a-mutant",
        "the-sound-pipeline",
        "trials-broken-off",
    ],
)
def test_whatever_went_wrong_fails_the_run(changes, trials, complaint):
    assert Outcome(a_result(**changes), Trials(**trials)).complaints() == [complaint]


def test_what_a_storm_was_not_asked_for_it_need_not_bring():
    spec = A_SPEC | {"failover_every": 0.0, "chance": 0.0, "control_orders": 10}
    storm = a_result(spec=spec, failovers=0, rpc_faults={}, verdict={"blocks": 1})
    assert Outcome(storm).complaints() == []


def test_a_trial_is_held_on_servers_of_its_own(folder):
    trials = run_trials(["F13"], folder=folder, golden=folder / "golden")
    assert trials.as_json() == {
        "mutants": {"F13": "killed"},
        "killed_by": {"F13": KILLED.finding},
        "sound": "survived",
    }


def test_the_trials_of_all_of_the_named_or_of_no_mutants_are_held():
    assert wanted("all") == list(NAMES)
    assert wanted("F8,F1,F8") == ["F8", "F1"]
    assert wanted("none") == []


@pytest.mark.parametrize("mutants", ["F15", "F1,f2", ""], ids=["no-such", "one-of-two", "nothing"])
def test_a_mutant_that_does_not_exist_is_refused(mutants):
    with pytest.raises(StackError, match="no mutant is called"):
        wanted(mutants)


@pytest.mark.parametrize("parts", ["0", "-1"], ids=["none", "fewer-than-none"])
def test_a_long_run_of_no_parts_is_refused(parts, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["crash", "--long", "--parts", parts])
    with pytest.raises(SystemExit) as refusal:
        entry.main()
    assert refusal.value.code == 2
    assert "--parts: a run has at least one part" in capsys.readouterr().err


@pytest.mark.usefixtures("page")
def test_a_storm_is_told_of_and_kept_though_its_trials_broke_off(tmp_path, monkeypatch, capsys):
    def break_off(*_, **__):
        raise StackError("a trial ended without a word")

    monkeypatch.setattr(sys, "argv", ["crash", "--mutants", "F1", "--keep", "it"])
    monkeypatch.setattr(places, "session_folder", lambda _: tmp_path)
    monkeypatch.setattr(entry, "make_golden", lambda folder: folder)
    monkeypatch.setattr(entry, "run_storm", lambda *_, **__: a_result())
    monkeypatch.setattr(entry, "run_trials", break_off)
    assert entry.main() == 1
    assert "FAILED: the trials were not held to the end" in capsys.readouterr().out
    kept = json.loads((document.RESULTS / "it.json").read_text())
    assert kept["figures"]["orders"] == 5
    assert kept["beside"]["complaints"] == [
        "the trials were not held to the end: a trial ended without a word"
    ]


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


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page of its own for the tables, and a folder for what is stored."""
    monkeypatch.setattr(document, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(document, "PAGE", tmp_path / "page.md")
    document.PAGE.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    return document.PAGE


def test_the_table_shows_a_missed_bar_as_missed(page):
    outcome = Outcome(a_result(verdict={"I1": 3}), Trials({"F1": SURVIVED}))
    document.keep("short", outcome)
    document.write()
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| double mints | 3 | 0 | **MISSED** |" in text
    assert "| orders | 5 (0 completed) | 10,000 | 0% |" in text
    assert "Survived: F1." in text
    kept = json.loads((document.RESULTS / "short.json").read_text())
    assert kept["figures"] == outcome.as_json()


def test_a_kept_run_that_failed_says_so_above_its_figures(page):
    document.keep("bad", Outcome(a_result(is_drained=False), Trials({"F1": SURVIVED})))
    document.write()
    failed = "**This run FAILED:** mutant F1 survived; the work did not come to an end."
    head, _, table = page.read_text().partition(failed)
    assert "### `bad`" in head
    assert "|" not in head
    assert "| orders | 5 (4 completed) |" in table


def test_a_kept_run_that_held_does_not_say_that_it_failed(page):
    document.keep("good", Outcome(a_result()))
    document.write()
    assert "FAILED" not in page.read_text()


def test_what_was_measured_names_the_commit_it_was_measured_on(page):
    document.keep("storm", Outcome(a_result(revision="0123456789")))
    document.keep_trials("trials", Trials({"F1": KILLED}))
    document.write()
    assert ", commit 0123456789\n" in page.read_text()
    here = json.loads((document.RESULTS / "trials.json").read_text())["revision"]
    assert here == revision()
    assert f", commit {here}" in page.read_text()


def test_a_commit_with_changes_beside_it_is_not_taken_for_the_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    assert revision() == ""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    file = tmp_path / "file"
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        file.write_text("one")
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    clean = revision()
    assert len(clean) >= 10
    file.write_text("two")
    assert revision() == f"{clean} with changes"


def test_a_result_from_before_complaints_were_stored_is_still_shown(page):
    document.keep("old", Outcome(a_result()))
    path = document.RESULTS / "old.json"
    stored = json.loads(path.read_text())
    for name in ("complaints", "completed"):
        del stored["beside"][name]
    path.write_text(json.dumps(stored))
    document.write()
    assert "| orders | 5 | 10,000 | 0% |" in page.read_text()
    assert "FAILED" not in page.read_text()


def test_trials_are_shown_with_their_findings_and_without_a_seed(page):
    document.keep_trials("trials", Trials({"F1": KILLED, "F9": SURVIVED}))
    document.write()
    text = page.read_text()
    assert "Mutants killed: 1 of 2. Survived: F9. The sound pipeline survived" in text
    assert "| F1 | I7 mined, but never saved |" in text
    assert "| F9 | **SURVIVED** |" in text
    assert "seed 1" not in text


def test_trials_that_the_sound_pipeline_did_not_survive_are_shown_so(page):
    document.keep_trials("trials", Trials({"F1": KILLED}, sound=KILLED))
    document.write()
    assert "**The sound pipeline did not survive their trials.**" in page.read_text()
