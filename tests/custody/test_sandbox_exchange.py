"""The whole custody line on real parts: our exchange against the sandbox process, books equal at the end."""

import time

import pytest
from django.utils import timezone

from core.units import parse_quantity
from custody import queries, services, tasks
from custody.models import Break, Statement
from custody.providers import registry
from tests.custody.rows import TEST
from tests.custody.test_sandbox import SECRET, WAIT_SECONDS, sandbox

STATEMENTS = 3  # one after each of the three
FILES = 9  # matched, settled or refused, and stated, of each
__all__ = ["sandbox"]  # a fixture, used by name


@pytest.fixture
def reachable(sandbox, settings):
    settings.CUSTODIAN_URL = f"http://127.0.0.1:{sandbox}"
    settings.CUSTODIAN_SECRET = SECRET
    assert registry.reachable_codes() == ["SANDBOX"]


def exchange_until(row, status):
    deadline = time.monotonic() + WAIT_SECONDS
    while row.status != status:
        assert time.monotonic() < deadline, f"{row.public_id} stayed {row.status}"
        tasks.exchange_with_custodians()
        row.refresh_from_db()
        time.sleep(0.1)


@pytest.mark.usefixtures("reachable")
def test_shares_come_in_and_go_out_and_both_books_agree(stage):
    now = timezone.now()
    deposit = stage.advise("1000.25", now=now)
    exchange_until(deposit, "SETTLED")
    delivery = stage.request("400", now=now)
    exchange_until(delivery, "DELIVERED")
    refused = stage.request("1", participant="REJECT", now=now)
    exchange_until(refused, "REJECTED")
    assert stage.held().free == stage.held().settled == parse_quantity("600.25")
    deadline = time.monotonic() + WAIT_SECONDS
    while Statement.objects.count() < STATEMENTS and time.monotonic() < deadline:
        tasks.exchange_with_custodians()
    assert Break.objects.count() == 0
    assert queries.files_cursor(stage.custodian.pk) == FILES


@pytest.mark.usefixtures("reachable")
def test_a_custodian_without_a_client_is_left_to_people(stage):
    manual = services.add_custodian(
        code="MANUAL", name="Manual", kind="BANK", actor=TEST, now=timezone.now()
    )
    with pytest.raises(LookupError):
        registry.client_for(manual.code)
    assert manual.code not in registry.reachable_codes()
    assert stage.custodian.code in registry.reachable_codes()
