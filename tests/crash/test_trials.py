"""In each trial the judge names the mutant's bug, and has nothing to say of the sound pipeline."""

import json

import pytest

from config.devstack.processes import StackError
from crash import mutants
from crash.facts import SLOTS_IN_AN_EPOCH
from crash.results import Ending
from crash.trials.events import TRIALS
from crash.trials.hearing import hold, shows
from crash.trials.run import NAMES, Hearing, _end, _together
from crash.trials.trial import Place
from tests.issuance.stage import build


@pytest.fixture
def place(start_chain, process_env, redis_server, tmp_path):
    """A stage in service on a chain like the storm's, and an empty Redis."""
    assert redis_server.dbsize() == 0
    chain = start_chain(slots_in_an_epoch=SLOTS_IN_AN_EPOCH)
    stage = build(chain).ready()
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
    assert ended(mutant="F8", found=[A_FINDING], accidents=["fell over"]) == Ending("survived")


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
