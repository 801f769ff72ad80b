"""Sixteen threads mint against one pot of free shares: never one unit oversold.

The control does the same job by summing the entries first, the way it is usually written. It
oversells, which shows that this test can fail.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from core.units import parse_quantity
from custody import ledger, queries
from custody.models import LedgerTransfer
from tests.custody.rows import Pot, make_pot

THREADS = 16
ATTEMPTS = 500
ONE = parse_quantity("1")
SETTLED = 300  # fewer than the attempts, so that the pot runs dry under load

pytestmark = pytest.mark.django_db(transaction=True)


def mint(pot: Pot) -> bool:
    """Reserve and back one share in one transaction, as an order does."""
    order = pot.order(ONE)
    try:
        with transaction.atomic(durable=True):
            ledger.reserve(**order)
            ledger.back(**order)
    except ledger.InsufficientShares:
        return False
    return True


def mint_by_sum(_: Pot) -> bool:
    """The usual mistake: read the sum, compare, insert."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(quantity), 0) FROM naive_entry")
        if cursor.fetchone()[0] < ONE:
            return False
        cursor.execute("INSERT INTO naive_entry (quantity) VALUES (%s)", [-ONE])
    return True


def race(attempt, pot: Pot, attempts: int) -> int:
    """How many of the attempts, made by all threads at once, went through."""
    start = threading.Barrier(THREADS)
    share = [attempts // THREADS + (each < attempts % THREADS) for each in range(THREADS)]

    def run(count: int) -> int:
        start.wait()
        try:
            return sum(attempt(pot) for _ in range(count))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(run, share))


def test_sixteen_threads_never_mint_a_share_that_is_not_there():
    pot = make_pot(str(SETTLED))
    assert race(mint, pot, ATTEMPTS) == SETTLED
    held = queries.position(pot.fund.pk)
    assert (held.free, held.reserved, held.backing) == (0, 0, SETTLED * ONE)
    assert held.settled == SETTLED * ONE
    assert LedgerTransfer.objects.filter(kind="BACK").count() == SETTLED
    call_command("audit_ledger")


@pytest.fixture
def naive_entries():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_entry (quantity numeric(38,0) NOT NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE naive_entry")


@pytest.mark.usefixtures("naive_entries")
def test_the_same_race_over_a_sum_oversells_so_this_test_can_fail():
    pot = make_pot()
    oversold = 0
    for _ in range(20):  # once is enough; nearly always the first round does it
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE naive_entry")
            # One below a crossing of threads: the last shares are fought over.
            cursor.execute("INSERT INTO naive_entry (quantity) VALUES (%s)", [20 * ONE])
        oversold = race(mint_by_sum, pot, ATTEMPTS // 5) - 20
        if oversold > 0:
            break
    assert oversold > 0


def test_one_order_posted_by_sixteen_threads_is_posted_once():
    pot = make_pot("1000")
    order = pot.order(7 * ONE)
    posted = []

    def reserve(_: Pot) -> bool:
        with transaction.atomic(durable=True):
            posted.append(ledger.reserve(**order))
        return True

    assert race(reserve, pot, 4 * THREADS) == 4 * THREADS
    assert len(set(posted)) == 1
    assert queries.position(pot.fund.pk).reserved == 7 * ONE


def test_a_halt_that_has_committed_lets_no_mint_pass():
    pot = make_pot(str(SETTLED))
    halted = threading.Event()
    late = []

    def mint_until_halted(each: Pot) -> bool:
        was_halted = halted.is_set()
        try:
            done = mint(each)
        except ledger.LedgerHalted:
            return False
        if was_halted and done:
            late.append(each)
        return done

    def halt_midway() -> None:
        with transaction.atomic(durable=True):
            ledger.halt(fund_id=pot.fund.pk)
        halted.set()
        connections.close_all()

    stopper = threading.Timer(0.2, halt_midway)
    stopper.start()
    race(mint_until_halted, pot, ATTEMPTS)
    stopper.join()
    assert late == []
    with pytest.raises(ledger.LedgerHalted):
        mint(pot)
