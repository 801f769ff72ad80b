"""In each trial the judge names the mutant's bug, and has nothing to say of the sound pipeline."""

import json
import subprocess
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from config.devstack.processes import StackError
from crash import mutants
from crash.facts import SLOTS_IN_AN_EPOCH
from crash.results import Ending, Trials
from crash.trials import run
from crash.trials.events import TRIALS, Events
from crash.trials.hearing import hold, shows
from crash.trials.run import NAMES, Hearing, _end, _together
from crash.trials.trial import Place
from issuance import services
from issuance.pipeline.walls import FAULT
from issuance.services import troubles
from issuance.states import Work
from tests.issuance import kept
from tests.issuance.stage import NETWORK, TEST, build


@pytest.fixture
def place(start_chain, process_env, redis_server, tmp_path):
    """A stage in service on a chain like the storm's, and an empty Redis."""
    assert redis_server.dbsize() == 0
    chain = start_chain(slots_in_an_epoch=SLOTS_IN_AN_EPOCH)
    stage = kept.bring("trial", chain, lambda: build(chain).ready())
    return Place(
        stage=stage,
        folder=tmp_path,
        database_url=process_env["DATABASE_URL"],
        redis_url=process_env["REDIS_URL"],
    )


@pytest.mark.parametrize("name", TRIALS)
def test_the_judge_names_the_bug(place, name):
    heard = hold(name, place=place, mutant=name)
    assert heard.names, heard.found
    # Its tasks ran as written: nothing was found merely because they fell over.
    assert heard.accidents == []


@pytest.mark.parametrize("name", TRIALS)
def test_the_sound_pipeline_survives_the_same_events(place, name):
    heard = hold(name, place=place)
    assert heard.found == []
    assert heard.accidents == []


def a_fault_at_a_wall(trial):
    """The next trouble of the same work has overwritten it before the judge is asked."""
    record = partial(
        troubles.record_trouble,
        work=Work.ADVANCE,
        network=NETWORK,
        subject="",
        now=timezone.now(),
    )
    record(code=FAULT, note="ValueError", ours=True)
    trial.turn()
    record(code="busy", note="", ours=False)


def an_order_that_is_cancelled(trial):
    order = trial.order()
    services.cancel_order(
        institution_id=order.institution_id, order_id=order.pk, actor=TEST, now=timezone.now()
    )


def a_pool_without_it(trial):
    order = trial.order()
    trial.turn()
    trial.pool_forgets(order)
    trial.pool_forgets(order)
    trial.comes_back(order)


def nobody_to_haunt(trial):
    trial.second_issuer()
    trial.haunt()


@pytest.mark.parametrize(
    ("happen", "accident"),
    [
        (a_fault_at_a_wall, "fell over: advance: ValueError"),
        (an_order_that_is_cancelled, "orders ended CANCELLED"),
        (a_pool_without_it, "the pool had nothing to forget"),
        (nobody_to_haunt, "nobody minted behind our back"),
    ],
    ids=["a-wall", "an-order", "a-pool", "a-ghost"],
)
def test_what_the_judge_does_not_see_is_an_accident(place, monkeypatch, happen, accident):
    monkeypatch.setitem(TRIALS, "F1", Events(happen, ("I1",)))
    heard = hold("F1", place=place)
    assert heard.found == []
    assert [each[: len(accident)] for each in heard.accidents] == [accident]


@pytest.mark.parametrize(
    ("leaves", "is_named"),
    [(("COMPLETED", "QUEUED"), True), (("QUEUED", "QUEUED"), False)],
    ids=["as-it-does", "otherwise"],
)
def test_a_bug_is_named_only_when_its_orders_are_left_as_it_leaves_them(
    place, monkeypatch, leaves, is_named
):
    assert TRIALS["F7"].leaves == ("COMPLETED", "QUEUED")
    monkeypatch.setitem(TRIALS, "F7", replace(TRIALS["F7"], leaves=leaves))
    assert bool(hold("F7", place=place, mutant="F7").names) == is_named


def test_there_are_fourteen_mutants_and_each_has_its_trial():
    assert list(NAMES) == [f"F{number}" for number in range(1, 15)]
    assert list(TRIALS) == list(mutants.MUTANTS) == list(NAMES)
    assert all(events.shows for events in TRIALS.values())


@pytest.mark.parametrize(
    ("mutant", "invariant", "what", "is_named"),
    [
        ("F13", "I7", "mined, but never saved", True),
        ("F13", "I2", "still QUEUED", False),
        ("F14", "I2", "FAILED, though the chain has it", True),
        ("F14", "I2", "still SUBMITTED", False),
    ],
    ids=["what-it-does", "another", "its-own-words", "work-that-did-not-end"],
)
def test_a_bug_is_named_only_by_what_it_does(mutant, invariant, what, is_named):
    finding = {"invariant": invariant, "subject": "it", "what": what}
    assert shows(finding, TRIALS[mutant].shows) == is_named


@pytest.fixture
def ended(tmp_path):
    """How a run of the campaign calls a trial that left this behind."""

    def end(*, mutant, **heard):
        left = {"found": [], "names": [], "accidents": [], "seconds": 1.0}
        (tmp_path / "result.json").write_text(json.dumps(left | heard))
        return _end(Hearing(name="F8", mutant=mutant, folder=str(tmp_path), golden=""))

    return end


A_FINDING = {"invariant": "I4", "subject": "1", "what": "completed before it was final: 0xf8"}


def test_a_mutant_is_killed_only_by_a_finding_that_names_its_bug(ended):
    killed = ended(mutant="F8", found=[A_FINDING], names=[A_FINDING])
    assert killed == Ending("killed", "I4 completed before it was final")
    assert ended(mutant="F8", found=[A_FINDING]) == Ending("survived")


def test_a_mutant_that_fell_over_is_not_killed_whatever_was_found(ended):
    fallen = ended(mutant="F8", found=[A_FINDING], names=[A_FINDING], accidents=["fell: sign"])
    assert fallen == Ending("survived", "it only fell over: fell: sign")
    said = Trials({"F8": fallen}).complaints()
    assert said == ["mutant F8 survived: it only fell over: fell: sign"]


def test_the_sound_pipeline_survives_only_when_nothing_at_all_was_found(ended):
    assert ended(mutant="") == Ending("survived")
    assert ended(mutant="", found=[A_FINDING]).end == "killed"
    assert ended(mutant="", accidents=["fell over"]) == Ending("killed", "fell over")


def test_one_trial_that_the_sound_pipeline_does_not_survive_is_one_too_many():
    def heard(name, mutant, end):
        return Hearing(name=name, mutant=mutant, folder="", golden=""), Ending(end, "why")

    ended = [heard("F2", "F2", "killed"), heard("F2", "", "killed"), heard("F1", "", "survived")]
    ended.append(heard("F1", "F1", "survived"))
    together = _together(ended, ["F1", "F2"])
    assert list(together.mutants) == ["F1", "F2"]
    assert together.mutants["F1"].end == "survived"
    assert together.sound == Ending("killed", "why")
    assert _together(ended[2:], ["F1"]).sound.end == "survived"


def test_a_trial_that_left_no_word_is_no_result(tmp_path):
    with pytest.raises(StackError, match="without a word"):
        _end(Hearing(name="F8", mutant="F8", folder=str(tmp_path), golden=""))


def test_no_trial_goes_on_when_another_left_no_word(tmp_path, monkeypatch):
    started: list[Any] = []

    def start(_):
        started.append(subprocess.Popen(["sleep", str(len(started))]))
        return started[-1]

    monkeypatch.setattr(run, "_start", start)
    with pytest.raises(StackError, match="without a word"):
        run.run_trials(["F1"], folder=tmp_path, golden=tmp_path)
    assert [process.poll() for process in started] == [0, 0]
