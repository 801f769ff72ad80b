"""In each trial the judge names the mutant's bug, and has nothing to say of the sound pipeline."""

import pytest

from crash import mutants
from crash.facts import SLOTS_IN_AN_EPOCH
from crash.trials.events import TRIALS
from crash.trials.hearing import hold
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
