"""Many postings in one statement leave what as many single ones leave, or nothing at all."""

import threading
import uuid
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.units import Units, parse_quantity
from custody import ledger, queries
from custody.ledger import back_many, reserve_many
from custody.ledger.posting import Posting, post_many
from custody.models import LedgerAccount, LedgerTransfer
from custody.states import Bucket, TransferKind
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


@pytest.mark.parametrize("spare", [pytest.param(0, id="few"), pytest.param(15, id="many")])
def test_a_batch_leaves_the_rows_that_as_many_single_postings_leave(spare):
    pot = make_pot("100")
    other = neighbour(pot, "50")
    orders = [
        pot.shares(3 * ONE),
        other.shares(ONE),
        pot.shares(ONE),
        other.shares(7 * ONE),
        pot.shares(ONE),
    ]
    orders += [each.shares(ONE) for each in (pot, other) * spare]
    sheet = transaction.savepoint()
    post_each(orders)
    single = book()
    transaction.savepoint_rollback(sheet)
    post_all(orders)
    assert book() == single
    assert queries.backing(pot.token_id) == (13 + 2 * spare) * ONE
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


@pytest.mark.parametrize("number", [pytest.param(11, id="few"), pytest.param(30, id="many")])
def test_one_share_too_many_refuses_the_whole_batch(number):
    pot = make_pot("10")
    with pytest.raises(ledger.InsufficientShares):
        post_all([pot.shares(ONE) for _ in range(number)], reserve_many)
    held = queries.position(pot.fund.pk)
    assert (held.free, held.reserved) == (10 * ONE, 0)


def test_a_key_used_for_another_content_refuses_the_whole_batch():
    pot = make_pot("10")
    first = pot.shares(ONE)
    post_all([first], reserve_many)
    changed = replace(first, quantity=Units(2))
    with pytest.raises(ledger.KeyReused):
        post_all([*(pot.shares(Units(1)) for _ in range(30)), changed], reserve_many)
    assert queries.position(pot.fund.pk).reserved == ONE


def test_a_halted_fund_refuses_the_whole_batch():
    pot = make_pot("10")
    orders = [pot.shares(Units(1)) for _ in range(30)]
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
    with pytest.raises(ledger.PostingInvalid):
        post_all([*(pot.shares(Units(1)) for _ in range(30)), pot.shares(0)], reserve_many)
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


def raw_transfer(pot, **changes):
    """A transfer beside the ledger's functions: FREE to RESERVED as they would have numbered it."""
    free = LedgerAccount.objects.get(bucket=Bucket.FREE, owner=pot.investor_id)
    reserved = LedgerAccount.objects.get(bucket=Bucket.RESERVED, owner=pot.investor_id)
    columns = {
        "created_at": NOW,
        "idempotency_key": str(uuid.uuid4()),
        "kind": "RESERVE",
        "fund": pot.fund,
        "custody_account": pot.account,
        "source": free,
        "destination": reserved,
        "quantity": ONE,
        "value_date": NOW.date(),
        "source_seq": free.seq + 1,
        "source_after": free.balance - ONE,
        "destination_seq": reserved.seq + 1,
        "destination_after": reserved.balance + ONE,
        "cause": "x",
        "made_by": "x",
    }
    return LedgerTransfer(**columns | changes)


def test_an_insert_by_hand_is_a_posting_too_and_moves_both_balances():
    pot = make_pot("10")
    raw_transfer(pot).save(force_insert=True)
    assert queries.position(pot.fund.pk).reserved == ONE
    call_command("audit_ledger")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"source_seq": 1}, id="a number that is taken"),
        pytest.param({"destination_seq": 2}, id="a gap"),
        pytest.param({"source_after": 10 * ONE}, id="a source that loses nothing"),
        pytest.param({"destination_after": 2 * ONE}, id="a destination that gains more"),
        pytest.param({"quantity": 2 * ONE}, id="another quantity"),
    ],
)
def test_a_transfer_that_does_not_continue_its_accounts_is_refused(changes):
    pot = make_pot("10")
    with pytest.raises(DatabaseError, match="continue"), transaction.atomic(savepoint=True):
        raw_transfer(pot, **changes).save(force_insert=True)
    assert queries.position(pot.fund.pk).reserved == 0


def test_shares_that_come_back_later_in_a_batch_cannot_be_spent_before():
    pot = make_pot("1")
    move_back = [
        Posting(
            key=f"{number}",
            kind=kind,
            fund_id=pot.fund.pk,
            custody_account_id=pot.account.pk,
            source=(source, pot.investor_id),
            destination=(destination, pot.investor_id),
            quantity=Units(quantity),
            cause="x",
            made_by="x",
        )
        for number, (kind, source, destination, quantity) in enumerate(
            [
                (TransferKind.RESERVE, Bucket.FREE, Bucket.RESERVED, 2 * ONE),
                (TransferKind.UNRESERVE, Bucket.RESERVED, Bucket.FREE, 2 * ONE),
            ]
            * 15
        )
    ]
    with pytest.raises(ledger.InsufficientShares), transaction.atomic(savepoint=True):
        post_many(move_back, now=NOW)
    assert queries.position(pot.fund.pk).reserved == 0
