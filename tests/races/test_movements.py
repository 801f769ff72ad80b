"""Deposits and deliveries under contention: one file, one posting; one end for one delivery."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connections

from core.errors import StateConflict
from core.units import parse_quantity
from custody import ledger, queries, services
from custody.models import Break, Delivery, LedgerTransfer, Message
from tests.custody.rows import NOW, TEST
from tests.custody.stage import confirmation, line_about, make_stage

THREADS = 8

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts):
    """Run all acts at the same instant; their results, or the refusals they raised."""
    start = threading.Barrier(len(acts))

    def run(act):
        start.wait()
        try:
            return act()
        except StateConflict as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_file_brought_by_eight_workers_is_taken_once():
    stage = make_stage()
    deposit = stage.advise("10")
    raw = confirmation(line_about(deposit))
    done = at_once(*[lambda: stage.load(raw)] * THREADS)
    assert sum(not each.duplicate for each in done) == 1
    assert Message.objects.count() == 1
    assert LedgerTransfer.objects.count() == 1
    assert stage.held().free == parse_quantity("10")


def test_one_report_in_eight_files_is_posted_once():
    stage = make_stage()
    deposit = stage.advise("10")
    files = [confirmation(line_about(deposit)) for _ in range(THREADS)]
    at_once(*[lambda raw=raw: stage.load(raw) for raw in files])
    assert (Message.objects.count(), LedgerTransfer.objects.count()) == (THREADS, 1)
    assert Break.objects.count() == 0


def test_a_delivery_is_either_called_off_or_instructed_and_never_both():
    stage = make_stage()
    stage.settled_deposit("100")
    for _ in range(6):
        delivery = stage.request("10")
        called_off, told = at_once(
            lambda row=delivery: services.cancel_delivery(
                delivery_id=row.pk, reason="race", actor=TEST, now=NOW
            ),
            lambda row=delivery: services.begin_delivery_instruction(
                delivery=row, actor=TEST, now=NOW
            ),
        )
        assert isinstance(called_off, StateConflict) != isinstance(told, StateConflict)
    instructed = Delivery.objects.filter(status="INSTRUCTED").count()
    assert stage.held().releasing == instructed * parse_quantity("10")
    call_command("audit_ledger")


def test_eight_deliveries_of_more_than_half_leave_one():
    stage = make_stage()
    stage.settled_deposit("10")

    def ask():
        try:
            return stage.request("6")
        except (queries.SharesNotFree, ledger.InsufficientShares):
            return None

    assert sum(each is not None for each in at_once(*[ask] * THREADS)) == 1
    assert stage.held().releasing == parse_quantity("6")
