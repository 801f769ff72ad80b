"""The stage, shared with issuance's tests, and whoever kills on it."""

import pytest

from tests.crash.killing import Killer
from tests.issuance.conftest import ready, stage

__all__ = ["killer", "ready", "stage"]


@pytest.fixture
def killer(record_property, tmp_path) -> Killer:
    """Kills workers, and has the run's matrix know of it."""
    return Killer(record_property, tmp_path)
