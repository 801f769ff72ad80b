"""Breakers halt new work, and the person who halted does not resume alone."""

from datetime import UTC, datetime

import pytest

from core import breakers, services
from core.actors import operator, system
from core.errors import HaltActive, SameActor
from core.models import Breaker, Event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _halt(actor=None):
    actor = actor or operator(1)
    return services.halt(name="issuance.signing", reason="drill", actor=actor, now=NOW)


def test_an_unknown_name_is_closed():
    breakers.require_closed("issuance.signing", "other")


def test_an_open_breaker_refuses_and_is_recorded_once():
    _halt()
    _halt(operator(2))
    with pytest.raises(HaltActive) as refusal:
        breakers.require_closed("other", "issuance.signing")
    assert (refusal.value.status, refusal.value.code) == (503, "halt_active")
    assert list(Event.objects.values_list("type", flat=True)) == ["breaker.opened"]
    assert Breaker.objects.get().opened_by == "operator:1"


def test_another_person_resumes():
    _halt()
    with pytest.raises(SameActor):
        services.resume(name="issuance.signing", reason="done", actor=operator(1), now=NOW)
    services.resume(name="issuance.signing", reason="done", actor=operator(2), now=NOW)
    breakers.require_closed("issuance.signing")
    assert Event.objects.filter(type="breaker.closed").count() == 1


def test_what_a_process_halted_one_person_may_resume():
    _halt(system("reconciliation"))
    services.resume(name="issuance.signing", reason="checked", actor=operator(1), now=NOW)
    breakers.require_closed("issuance.signing")
