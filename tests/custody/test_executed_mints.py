"""A mint that the chain has carried out already is written down, whoever halts the fund."""

import uuid
from pathlib import Path

import pytest
from django.db import connection, transaction

from core.units import parse_quantity
from custody import ledger, queries
from tests.custody.rows import NOW, TEST, make_pot

pytestmark = pytest.mark.django_db
ONE = parse_quantity("1")
SQL = Path(ledger.__file__).resolve().parent.parent / "sql"


def move(function, **arguments):
    with transaction.atomic(savepoint=True):
        return function(**arguments)


def test_a_mint_that_has_happened_is_written_down_once_and_past_a_halt_that_stops_any_other():
    pot = make_pot("10")
    for executed_first in (True, False):
        order = pot.order(ONE, uuid.uuid4())
        move(ledger.reserve, **order)
        up = [ledger.back_executed, ledger.back]
        if executed_first:
            move(ledger.halt, fund_id=pot.fund.pk)
            with pytest.raises(ledger.LedgerHalted):
                move(ledger.back, **order)
        else:
            up.reverse()
        first = move(up[0], **order)
        move(ledger.resume, fund_id=pot.fund.pk)
        assert move(up[1], **order) == move(up[0], **order) == first
    held = queries.position(pot.fund.pk)
    assert (held.free, held.reserved, held.backing) == (ONE * 8, 0, ONE * 2)


def test_a_batch_of_mints_knows_the_one_that_had_happened():
    pot = make_pot("30")
    orders = [pot.shares(ONE) for _ in range(21)]
    move(ledger.reserve_many, shares=orders, actor=TEST, now=NOW)
    first = move(ledger.back_executed, shares=orders[3], actor=TEST, now=NOW)
    assert move(ledger.back_many, shares=orders, actor=TEST, now=NOW)[3] == first
    assert queries.position(pot.fund.pk).backing == 21 * ONE


def test_the_route_can_be_taken_back_and_laid_again():
    pot = make_pot("10")
    order = pot.order(ONE, uuid.uuid4())
    move(ledger.reserve, **order)
    with connection.cursor() as cursor:
        cursor.execute((SQL / "executed_mints_undo.sql").read_text())
        with pytest.raises(ledger.PostingInvalid):
            move(ledger.back_executed, **order)
        cursor.execute((SQL / "executed_mints.sql").read_text())
    move(ledger.back_executed, **order)
