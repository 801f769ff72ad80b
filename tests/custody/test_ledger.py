"""The share ledger refuses what must not happen, whoever asks."""

import uuid
from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from core.errors import SameActor
from core.units import Units, parse_quantity
from custody import ledger, queries
from custody.ledger.posting import Posting, post
from custody.models import LedgerAccount, LedgerTransfer
from custody.states import Bucket, TransferKind
from tests.custody.rows import (
    ALICE,
    BOB,
    NOW,
    TEST,
    make_account,
    make_fund,
    make_pot,
    settle,
)

pytestmark = pytest.mark.django_db
ONE = parse_quantity("1")


def move(function, **arguments):
    with transaction.atomic(savepoint=True):
        return function(**arguments)


def mint(pot, shares, order_id=None):
    order_id = order_id or uuid.uuid4()
    order = pot.order(parse_quantity(shares), order_id)
    move(ledger.reserve, **order)
    move(ledger.back, **order)
    return order_id


def refused(sql, *arguments):
    with (
        pytest.raises(DatabaseError) as error,
        transaction.atomic(savepoint=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, arguments)
    return getattr(error.value.__cause__, "sqlstate", None)


def test_shares_go_from_outside_to_free_to_reserved_to_backing_and_back():
    pot = make_pot("1000")
    order_id = mint(pot, "600.25")
    held = queries.position(pot.fund.pk)
    assert (held.settled, held.free, held.backing) == (
        parse_quantity("1000"),
        parse_quantity("399.75"),
        parse_quantity("600.25"),
    )
    assert queries.backing(pot.token_id) == parse_quantity("600.25")
    move(ledger.release_burn, **pot.order(parse_quantity("100")))
    assert queries.backing(pot.token_id) == parse_quantity("500.25")
    assert queries.free_shares(investor_id=pot.investor_id, fund_id=pot.fund.pk) == parse_quantity(
        "499.75"
    )
    assert LedgerTransfer.objects.filter(cause=f"order:{order_id}").count() == 2


def test_one_unit_more_than_free_cannot_be_reserved():
    pot = make_pot("10")
    with pytest.raises(ledger.InsufficientShares) as refusal:
        move(ledger.reserve, **pot.order(parse_quantity("10") + 1))
    assert refusal.value.code == "insufficient_shares"
    assert queries.position(pot.fund.pk).free == parse_quantity("10")


def test_an_investor_without_buckets_has_no_shares():
    pot = make_pot("10")
    pot.investor_id = uuid.uuid4()
    with pytest.raises(ledger.AccountNotOpen) as refusal:
        move(ledger.reserve, **pot.order(ONE))
    assert refusal.value.code == "insufficient_shares"


def test_the_same_posting_again_is_the_same_transfer():
    pot = make_pot("10")
    order_id = uuid.uuid4()
    first = move(ledger.reserve, **pot.order(ONE, order_id))
    again = move(ledger.reserve, **pot.order(ONE, order_id))
    assert again == first
    assert queries.position(pot.fund.pk).reserved == ONE


def test_a_key_used_for_another_content_is_refused():
    pot = make_pot("10")
    order_id = uuid.uuid4()
    move(ledger.reserve, **pot.order(ONE, order_id))
    with pytest.raises(ledger.KeyReused):
        move(ledger.reserve, **pot.order(2 * ONE, order_id))
    assert queries.position(pot.fund.pk).reserved == ONE


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_posting_of_nothing_or_less_is_a_fault(quantity):
    pot = make_pot("10")
    with pytest.raises(ledger.PostingInvalid):
        move(ledger.reserve, **pot.order(quantity))


@pytest.mark.django_db(transaction=True)
def test_the_ledger_refuses_to_work_outside_a_transaction():
    pot = make_pot("10")
    with pytest.raises(RuntimeError, match="transaction"):
        ledger.reserve(**pot.order(ONE))


def test_every_digit_of_the_largest_fund_survives():
    pot = make_pot("1234567890.123456789012345678")
    assert queries.position(pot.fund.pk).free == 1234567890123456789012345678


def raw_posting(pot, **changes):
    fields = {
        "key": str(uuid.uuid4()),
        "kind": TransferKind.RESERVE,
        "fund_id": pot.fund.pk,
        "custody_account_id": pot.account.pk,
        "source": (Bucket.FREE, pot.investor_id),
        "destination": (Bucket.RESERVED, pot.investor_id),
        "quantity": ONE,
        "cause": "test",
        "made_by": str(TEST),
    }
    return Posting(**fields | changes)


def test_only_the_routes_of_the_table_exist():
    pot = make_pot("10")
    ends = {
        Bucket.EXTERNAL: None,
        Bucket.FREE: pot.investor_id,
        Bucket.RESERVED: pot.investor_id,
        Bucket.BACKING: pot.token_id,
        Bucket.RELEASING: pot.investor_id,
        Bucket.RESTRICTED: None,
        Bucket.SUSPENSE: None,
    }
    lawful = set()
    for kind in TransferKind:
        for source, giver in ends.items():
            for destination, taker in ends.items():
                posting = raw_posting(
                    pot,
                    kind=kind,
                    source=(source, giver),
                    destination=(destination, taker),
                    approved_by=str(BOB),
                )
                if is_lawful(posting):
                    lawful.add((kind.value, source.value, destination.value))
    assert lawful == {
        ("SETTLE", "EXTERNAL", "FREE"),
        ("RESERVE", "FREE", "RESERVED"),
        ("UNRESERVE", "RESERVED", "FREE"),
        ("BACK", "RESERVED", "BACKING"),
        ("BACK_EXECUTED", "RESERVED", "BACKING"),
        ("FAIL_MINT", "BACKING", "FREE"),
        ("RELEASE_BURN", "BACKING", "FREE"),
        ("MOVE", "BACKING", "RESERVED"),
        ("START_DELIVERY", "FREE", "RELEASING"),
        ("CANCEL_DELIVERY", "RELEASING", "FREE"),
        ("DELIVER", "RELEASING", "EXTERNAL"),
        ("RESTRICT", "FREE", "RESTRICTED"),
        ("UNRESTRICT", "RESTRICTED", "FREE"),
        ("ADJUST", "SUSPENSE", "FREE"),
        ("ADJUST", "FREE", "SUSPENSE"),
        ("ADJUST", "SUSPENSE", "EXTERNAL"),
        ("ADJUST", "EXTERNAL", "SUSPENSE"),
    }


def is_lawful(posting):
    """Try the posting and take it back; lacking shares is no breach of the table."""
    try:
        with transaction.atomic(savepoint=True):
            post(posting, now=NOW)
            transaction.set_rollback(True)
    except ledger.InsufficientShares:
        return True
    except (ledger.PostingInvalid, IntegrityError):
        return False
    return True


def test_free_shares_cannot_become_another_investors_reservation():
    pot = make_pot("10")
    other = make_pot(fund=pot.fund, account=pot.account)
    posting = raw_posting(pot, destination=(Bucket.RESERVED, other.investor_id))
    with pytest.raises(ledger.PostingInvalid):
        move(post_now, posting=posting)


def post_now(*, posting):
    return post(posting, now=NOW)


def test_a_transfer_cannot_cross_funds_even_by_hand():
    pot = make_pot("10")
    fbtc = make_fund("FBTC", "US3159481098")
    other = make_pot("10", fund=fbtc, account=pot.account, investor_id=pot.investor_id)
    move(ledger.reserve, **other.order(ONE))
    free = LedgerAccount.objects.get(bucket=Bucket.FREE, fund=pot.fund)
    reserved = LedgerAccount.objects.get(bucket=Bucket.RESERVED, fund=fbtc)
    crossing = LedgerTransfer(
        created_at=NOW,
        idempotency_key="k",
        kind="UNRESERVE",
        fund=pot.fund,
        custody_account=pot.account,
        source=reserved,
        destination=free,
        quantity=ONE,
        value_date=date(2026, 11, 23),
        source_seq=0,
        source_after=0,
        destination_seq=0,
        destination_after=0,
        cause="x",
        made_by="x",
    )
    with pytest.raises(IntegrityError, match="at_home"), transaction.atomic(savepoint=True):
        crossing.save(force_insert=True)


def test_transfers_can_be_neither_changed_nor_deleted():
    make_pot("10")
    assert refused("UPDATE custody_ledgertransfer SET quantity = quantity + 1") == "SM006"
    assert refused("DELETE FROM custody_ledgertransfer") == "SM006"
    assert refused("DELETE FROM custody_ledgeraccount") == "SM006"


def test_the_ledger_cannot_be_emptied():
    make_pot("10")
    with connection.cursor() as cursor:  # test runs switch this trigger off for their own cleaning
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE custody_ledgertransfer ENABLE TRIGGER ledger_no_truncate")
    assert refused("TRUNCATE custody_ledgertransfer CASCADE") == "SM006"


def test_a_balance_moves_by_a_posting_only():
    make_pot("10")
    assert refused("UPDATE custody_ledgeraccount SET balance = balance + 1") == "SM006"
    assert refused("UPDATE custody_ledgeraccount SET seq = seq + 1") == "SM006"
    assert refused("UPDATE custody_ledgeraccount SET owner = NULL, bucket = 'SUSPENSE'") == "SM006"


def test_an_account_cannot_open_with_shares_in_it():
    pot = make_pot()
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        LedgerAccount.objects.create(
            fund=pot.fund,
            custody_account=pot.account,
            bucket=Bucket.FREE,
            owner=uuid.uuid4(),
            balance=ONE,
        )


def test_a_halt_stops_the_way_up_and_leaves_the_way_down_open():
    pot = make_pot("10")
    reserved, backed = uuid.uuid4(), mint(pot, "2")
    move(ledger.reserve, **pot.order(ONE, reserved))
    move(ledger.halt, fund_id=pot.fund.pk)
    with pytest.raises(ledger.LedgerHalted) as refusal:
        move(ledger.reserve, **pot.order(ONE))
    assert refusal.value.code == "halt_active"
    up = pot.order(ONE, reserved)
    with pytest.raises(ledger.LedgerHalted):
        move(ledger.back, **up)
    move(ledger.unreserve, **pot.order(ONE, reserved))
    move(ledger.fail_mint, **pot.order(ONE, backed))
    settle(pot, "5")
    move(ledger.resume, fund_id=pot.fund.pk)
    mint(pot, "1")


def test_the_shares_of_a_moved_burn_are_reserved_without_ever_being_free_also_during_a_halt():
    pot = make_pot("10")
    burned = mint(pot, "4")
    move(ledger.halt, fund_id=pot.fund.pk)
    carried = pot.order(ONE * 3, burned)
    first = move(ledger.carry_over, **carried)
    assert move(ledger.carry_over, **carried) == first
    held = queries.position(pot.fund.pk)
    assert (held.free, held.reserved, held.backing) == (ONE * 6, ONE * 3, ONE)
    assert LedgerTransfer.objects.get(pk=first).source.bucket == Bucket.BACKING


def test_a_bucket_opened_during_a_halt_is_born_halted():
    pot = make_pot("10")
    move(ledger.halt, fund_id=pot.fund.pk)
    late = make_pot(fund=pot.fund, account=pot.account)
    settle(late, "5")
    with pytest.raises(ledger.LedgerHalted):
        move(ledger.reserve, **late.order(ONE))


def test_the_first_buckets_on_a_new_account_are_born_halted_when_the_fund_is():
    pot = make_pot("10")
    move(ledger.halt, fund_id=pot.fund.pk)
    elsewhere = make_pot(
        fund=pot.fund, account=make_account(pot.account.custodian, number="SB-0002")
    )
    settle(elsewhere, "5")
    with pytest.raises(ledger.LedgerHalted):
        move(ledger.reserve, **elsewhere.order(ONE))


def test_a_transfer_is_reversed_once():
    pot = make_pot()
    settled = settle(pot, "10")
    again = {"transfer_id": settled, "cause": "returned", "actor": TEST, "now": NOW}
    first = move(ledger.reverse, **again)
    assert move(ledger.reverse, **again) == first
    with pytest.raises(ledger.AlreadyReversed):
        move(ledger.reverse, **again | {"cause": "twice"})
    assert queries.position(pot.fund.pk).settled == 0


def test_a_reversal_cannot_be_reversed_or_bent():
    pot = make_pot()
    settled = settle(pot, "10")
    reversal = move(ledger.reverse, transfer_id=settled, cause="x", actor=TEST, now=NOW)
    with pytest.raises(ledger.PostingInvalid):
        move(ledger.reverse, transfer_id=reversal, cause="y", actor=TEST, now=NOW)
    second = settle(pot, "10")
    bent = raw_posting(
        pot,
        kind=TransferKind.REVERSE,
        source=(Bucket.FREE, pot.investor_id),
        destination=(Bucket.EXTERNAL, None),
        quantity=Units(2),
        reverses=second,
    )
    with pytest.raises(ledger.PostingInvalid):
        move(post_now, posting=bent)


def test_shares_that_moved_on_cannot_be_reversed_away():
    pot = make_pot()
    settled = settle(pot, "10")
    mint(pot, "1")
    with pytest.raises(ledger.InsufficientShares):
        move(ledger.reverse, transfer_id=settled, cause="x", actor=TEST, now=NOW)


def test_an_adjustment_needs_two_people():
    pot = make_pot("10")
    adjustment = {
        "key": "break:1",
        "fund_id": pot.fund.pk,
        "custody_account_id": pot.account.pk,
        "investor_id": pot.investor_id,
        "delta": -ONE,
        "cause": "break:1",
        "made_by": str(ALICE),
        "now": NOW,
    }
    for alone in (str(ALICE), ""):
        with pytest.raises(SameActor):
            move(ledger.adjust, **adjustment, approved_by=alone)
    move(ledger.adjust, **adjustment, approved_by=str(BOB))
    held = queries.position(pot.fund.pk)
    assert (held.free, held.suspense) == (parse_quantity("9"), ONE)


def test_a_new_custody_account_backs_the_tokens_already_issued():
    pot = make_pot("10")
    second = make_account(pot.account.custodian, number="SB-0002")
    move(ledger.open_fund, fund=pot.fund, custody_account=second)
    assert LedgerAccount.objects.filter(
        custody_account=second, bucket=Bucket.BACKING, owner=pot.token_id
    ).exists()
