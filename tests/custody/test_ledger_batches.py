"""Many postings in one statement leave what as many single ones leave, or nothing at all."""

import threading
import uuid
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.units import Units, parse_quantity
from custody import ledger, queries
from custody.ledger import back_many, reserve_many
from custody.models import LedgerAccount, LedgerTransfer
from tests.custody.rows import NOW, TEST, Pot, make_account, make_custodian, make_fund, make_pot

pytestmark = pytest.mark.django_db
ONE = parse_quantity("1")


def neighbour(pot: Pot, shares: str) -> Pot:
    """Another investor of the same fund, account and token."""
    other = make_pot(shares, fund=pot.fund, account=pot.account)
    other.token_id = pot.token_id
    return other


def post_all(orders, *functions):
    with transaction.atomic(savepoint=True):
        for function in functions or (reserve_many, back_many):
            function(shares=orders, actor=TEST, now=NOW)


def post_each(orders):
    for each in orders:
        ledger.reserve(shares=each, actor=TEST, now=NOW)
    for each in orders:
        ledger.back(shares=each, actor=TEST, now=NOW)


def book():
    """Every row of the ledger but what is drawn anew each time."""
    hidden = ("id",)
    transfers = LedgerTransfer.objects.order_by("idempotency_key").values()
    accounts = LedgerAccount.objects.order_by("pk").values()
    return [
        {name: value for name, value in row.items() if name not in hidden} for row in transfers
    ], list(accounts)


def test_a_batch_leaves_the_rows_that_as_many_single_postings_leave():
    pot = make_pot("100")
    other = neighbour(pot, "50")
    orders = [
        pot.shares(3 * ONE),
        other.shares(ONE),
        pot.shares(ONE),
        other.shares(7 * ONE),
        pot.shares(ONE),
    ]
    sheet = transaction.savepoint()
    post_each(orders)
    single = book()
    transaction.savepoint_rollback(sheet)
    post_all(orders)
    assert book() == single
    assert queries.backing(pot.token_id) == 13 * ONE
    call_command("audit_ledger")


def test_a_batch_is_one_statement_whatever_its_size():
    pot = make_pot("100")
    with CaptureQueriesContext(connection) as made:
        reserve_many(shares=[pot.shares(ONE) for _ in range(60)], actor=TEST, now=NOW)
    assert len(made) == 1


def test_an_empty_batch_posts_nothing():
    assert reserve_many(shares=[], actor=TEST, now=NOW) == []


def test_the_ids_come_back_in_the_order_of_the_batch_and_again_for_the_same_keys():
    pot = make_pot("100")
    orders = [pot.shares(ONE) for _ in range(5)]
    posted = reserve_many(shares=orders, actor=TEST, now=NOW)
    again = reserve_many(shares=[orders[3], pot.shares(ONE), orders[0]], actor=TEST, now=NOW)
    assert (again[0], again[2]) == (posted[3], posted[0])
    by_id = {row.pk: row.cause for row in LedgerTransfer.objects.filter(kind="RESERVE")}
    assert [by_id[each] for each in posted] == [f"order:{each.order_id}" for each in orders]
    assert queries.position(pot.fund.pk).reserved == 6 * ONE


def test_one_share_too_many_refuses_the_whole_batch():
    pot = make_pot("10")
    with pytest.raises(ledger.InsufficientShares):
        post_all([pot.shares(ONE) for _ in range(11)], reserve_many)
    held = queries.position(pot.fund.pk)
    assert (held.free, held.reserved) == (10 * ONE, 0)


def test_a_key_used_for_another_content_refuses_the_whole_batch():
    pot = make_pot("10")
    first = pot.shares(ONE)
    post_all([first], reserve_many)
    changed = replace(first, quantity=Units(2))
    with pytest.raises(ledger.KeyReused):
        post_all([pot.shares(ONE), changed], reserve_many)
    assert queries.position(pot.fund.pk).reserved == ONE


def test_a_halted_fund_refuses_the_whole_batch():
    pot = make_pot("10")
    orders = [pot.shares(ONE), pot.shares(ONE)]
    post_all(orders, reserve_many)
    ledger.halt(fund_id=pot.fund.pk)
    with pytest.raises(ledger.LedgerHalted):
        post_all(orders, back_many)
    assert queries.position(pot.fund.pk).backing == 0


def test_a_bucket_that_is_not_open_refuses_the_whole_batch():
    pot = make_pot("10")
    stranger = Pot(pot.fund, pot.account, uuid.uuid4(), pot.token_id)
    with pytest.raises(ledger.AccountNotOpen):
        post_all([pot.shares(ONE), stranger.shares(ONE)], reserve_many)
    assert queries.position(pot.fund.pk).reserved == 0


def test_the_route_of_each_posting_is_checked():
    pot = make_pot("10")
    elsewhere = make_pot(
        "10",
        fund=make_fund("FBTC", "US3159481098"),
        account=make_account(make_custodian("OTHER"), "OT-1"),
    )
    crossed = Pot(pot.fund, elsewhere.account, pot.investor_id, pot.token_id)
    with pytest.raises(ledger.AccountNotOpen):
        post_all([pot.shares(ONE), crossed.shares(ONE)], reserve_many)
    with pytest.raises(ledger.PostingInvalid):
        post_all([pot.shares(ONE), pot.shares(0)], reserve_many)
    assert queries.position(pot.fund.pk).reserved == 0


@pytest.mark.django_db(transaction=True)
def test_a_batch_outside_a_transaction_is_a_programming_error():
    with pytest.raises(RuntimeError, match="transaction"):
        reserve_many(shares=[], actor=TEST, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_racing_batches_in_any_order_neither_deadlock_nor_oversell():
    pot = make_pot("120")
    pots = [pot, *(neighbour(pot, "120") for _ in range(3))]
    start, failures, refused = threading.Barrier(6), [], []

    def race(number):
        start.wait()
        try:
            for turn in range(10):
                line = pots if (number + turn) % 2 else pots[::-1]
                orders = [each.shares(ONE) for each in line for _ in range(3)]
                try:
                    with transaction.atomic(durable=True):
                        reserve_many(shares=orders, actor=TEST, now=NOW)
                        back_many(shares=orders[::-1], actor=TEST, now=NOW)
                except ledger.InsufficientShares:
                    refused.append(number)
        except Exception as failure:
            failures.append(failure)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    # 60 batches wanted three shares of each of four investors; each had 120 of them.
    assert len(refused) == 20
    assert queries.backing(pot.token_id) == 4 * 120 * ONE
    call_command("audit_ledger")
