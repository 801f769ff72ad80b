"""The stage that most of custody's tests stand on."""

import pytest

from tests.custody.stage import make_stage


@pytest.fixture
def stage(db):  # noqa: ARG001 - asked for its effect
    return make_stage()
