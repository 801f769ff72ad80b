"""The clock of the pipeline's tasks is the database's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.clock import database_clock

pytestmark = pytest.mark.django_db


def test_the_clock_is_the_database_s_however_wrong_this_machine_s_is(monkeypatch):
    truly = timezone.now()
    wrong = truly + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    now = database_clock()()
    assert abs(now - truly) < timedelta(minutes=1)
    assert now.tzinfo is not None


def test_the_clock_goes_on_and_never_back():
    clock = database_clock()
    seen = [clock() for _ in range(20)]
    assert seen == sorted(seen)
    assert abs(seen[-1] - timezone.now()) < timedelta(minutes=1)
