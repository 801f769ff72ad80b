"""In each trial the judge names the mutant's bug, and has nothing to say of the sound pipeline."""

import json

import pytest

from config.devstack.processes import StackError
from crash import mutants
from crash.facts import SLOTS_IN_AN_EPOCH
from crash.trials.events import TRIALS
from crash.trials.hearing import hold
from crash.trials.run import Hearing, _end
from crash.trials.trial import Place
from crash.weather import WEATHER
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


def test_every_mutant_has_a_trial_and_a_weather():
    assert list(TRIALS) == list(WEATHER) == list(mutants.MUTANTS)


@pytest.fixture
def ended(tmp_path):
    """How a run of the campaign calls a trial that left this behind."""

    def end(*, mutant, **heard):
        left = {"found": [], "names": [], "accidents": [], "seconds": 1.0}
        (tmp_path / "result.json").write_text(json.dumps(left | heard))
        return _end(Hearing(name="F8", mutant=mutant, folder=str(tmp_path), golden=""))

    return end


A_FINDING = {"invariant": "I4", "subject": "1", "what": "completed before it was final"}


def test_a_mutant_is_killed_only_by_a_finding_that_names_its_bug(ended):
    assert ended(mutant="F8", found=[A_FINDING], names=[A_FINDING]) == "killed"
    assert ended(mutant="F8", found=[A_FINDING], accidents=["fell over"]) == "survived"


def test_the_sound_pipeline_survives_only_when_nothing_at_all_was_found(ended):
    assert ended(mutant="") == "survived"
    assert ended(mutant="", found=[A_FINDING]) == "killed"
    assert ended(mutant="", accidents=["fell over"]) == "killed"


def test_a_trial_that_left_no_word_is_no_result(tmp_path):
    with pytest.raises(StackError, match="without a word"):
        _end(Hearing(name="F8", mutant="F8", folder=str(tmp_path), golden=""))
