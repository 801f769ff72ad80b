"""Whoever writes several rows of a hot table locks them in id order: no two of them can deadlock.

Each writer here meets somebody who holds the first of two rows and asks for the second one then. Had
the writer taken the second one meanwhile, PostgreSQL would end one of the two.
"""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from core.models import EventStream
from core.units import parse_quantity
from core.work import claim_due
from custody import ledger
from custody.models import Break, Fund, LedgerAccount
from issuance import services
from issuance.chain import types as chain
from issuance.models import ChainTransactionHolder, Holder, Order, TransferStop
from issuance.services import expectations, holder_outcomes, leases
from issuance.services.holds import HELD, HoldTerms
from issuance.states import Direction, HoldOwner, HoldReason
from tests.custody import rows as custody_rows
from tests.custody.rows import Pot
from tests.custody.stage import FBTC, IBIT, make_stage, statement
from tests.issuance import paper as papers
from tests.issuance.stage import TEST, approve, make_wallet
from tests.issuance.test_states import make_transaction

PATIENCE_SECONDS = 20
LEASE = timedelta(seconds=15)
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Meeting:
    """A writer, and the two rows over which it meets somebody."""

    rows: list[Any]
    write: Any

    def __post_init__(self):
        self.model = type(self.rows[0])
        self.lower, self.upper = sorted(row.pk for row in self.rows)
        # Each version of a row lies where there is room: a scan shall come to this one last.
        while self.on_disk() != [self.upper, self.lower]:
            self.model.objects.filter(pk=self.lower).update(id=self.lower)

    def on_disk(self):
        rows = self.model.objects.annotate(place=RawSQL('"ctid"', []))
        return list(rows.order_by("place").values_list("pk", flat=True))

    def hold(self, pk):
        list(self.model.objects.select_for_update(no_key=True).filter(pk=pk))

    def run(self):
        """Hold the lower row, let the writer come to it, and take the upper one: nobody gives in."""
        meet(self.write, first=lambda: self.hold(self.lower), then=lambda: self.hold(self.upper))


def meet(writer, *, first, then):
    """Take the first lock, let the writer come to it in a transaction of its own, and take another."""
    started: list[int] = []
    begun = threading.Event()

    def write():
        try:
            with connection.cursor() as cursor:
                # The planner is free to scan; an index would hide what this is about.
                cursor.execute("SET enable_indexscan TO off; SET enable_bitmapscan TO off")
                cursor.execute("SELECT pg_backend_pid()")
                started.append(cursor.fetchone()[0])
            begun.set()
            writer()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(durable=True):
            first()
            writing = pool.submit(write)
            assert begun.wait(PATIENCE_SECONDS)
            wait_until_it_waits(started[0])
            then()
        writing.result(timeout=PATIENCE_SECONDS)


def wait_until_it_waits(pid):
    """Until another connection waits for a row that we hold."""
    until = time.monotonic() + PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", [pid])
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("the writer never came to the row")


def orders_of(paper):
    return [paper.order("1"), paper.order("1")]


def give_back_orders(paper):
    orders_of(paper)
    now = timezone.now()
    claimed = claim_due(Order.objects.all(), now=now, lease=LEASE, limit=2)
    return Meeting(claimed, lambda: leases.give_back_orders(orders=claimed, at=now + LEASE))


def end_a_hold(paper):
    rows = orders_of(paper)
    now = timezone.now()
    terms = HoldTerms(
        directions=frozenset({Direction.MINT}),
        owner=HoldOwner.COMPLIANCE,
        reason_code=next(iter(HoldReason)),
        note="drill",
        until=now + LEASE,
        fund_id=paper.fund.pk,
    )
    hold = services.place_hold(terms=terms, actor=TEST, now=now)
    Order.objects.update(reason_code=HELD)
    later = now + 2 * LEASE
    return Meeting(rows, lambda: services.expire_holds(hold_ids=[hold.pk], now=later))


def entries_of(paper, **changes):
    """A register entry of another institution below one of ours: lower by id, later by institution."""
    Holder.objects.all().delete()
    other = custody_rows.make_institution("Later Broker")
    expires_at = timezone.now() + timedelta(days=365)
    investor = custody_rows.make_investor(other, kyc_expires_at=expires_at)
    approve(investor, residence="CH")
    theirs = papers.make_holder(paper.token, make_wallet(investor, papers.OTHER_ADDRESS), **changes)
    ours = papers.make_holder(paper.token, paper.wallet, **changes)
    assert theirs.pk < ours.pk
    assert theirs.institution_id > ours.institution_id
    return [theirs, ours]


def give_back_entries(paper):
    now = timezone.now()
    rows = entries_of(paper, status="PENDING", leased_until=now, next_attempt_at=now)
    return Meeting(rows, lambda: leases.give_back_holders(holders=rows, at=now + LEASE))


def shut_leavers(paper):
    rows = entries_of(paper)

    def write():
        services.want_holders(
            token_id=paper.token.pk,
            wallets=[],
            lapsed=[row.pk for row in rows],
            now=timezone.now(),
        )

    return Meeting(rows, write)


def carried(paper):
    rows = entries_of(paper, status="SUBMITTED")
    register = make_transaction(paper.token, kind="REGISTER")
    for index, row in enumerate(rows):
        ChainTransactionHolder.objects.create(
            chain_transaction=register,
            holder=row,
            index=index,
            country=756,
            kyc_expires_at=row.wanted_kyc_expires_at,
            permitted=True,
        )
    return rows, register


def release_entries(paper):
    rows, register = carried(paper)

    def write():
        with transaction.atomic(durable=True):
            holder_outcomes.release_holders(register, now=timezone.now())

    return Meeting(rows, write)


def shut_lost_wallets(paper):
    rows = entries_of(paper)
    log = chain.Log(
        address=paper.token.address,
        topics=(),
        data=b"",
        block_number=9,
        block_hash="0x9",
        tx_hash=f"0x{uuid.uuid4().hex}",
        index=0,
    )
    events = [
        chain.OrderRecovered(
            log=log, order_id=1, account=papers.ISSUER, amount=1, lost=address, frozen_amount=0
        )
        for address in (papers.ADDRESS, papers.OTHER_ADDRESS)
    ]
    seen: Any = [SimpleNamespace(event=event) for event in events]

    def write():
        with transaction.atomic(durable=True):
            expectations.shut_lost_wallets(token=paper.token, entries=seen, now=timezone.now())

    return Meeting(rows, write)


def record_stops(paper):
    now = timezone.now()
    wallets = [paper.wallet, make_wallet(paper.investor, papers.OTHER_ADDRESS)]
    rows = [
        TransferStop.objects.create(token=paper.token, wallet=wallet, wanted=True, changed_at=now)
        for wallet in wallets
    ]
    seen = {row.pk: True for row in rows}
    return Meeting(rows, lambda: services.record_stops(seen=seen, now=now))


WRITERS = [
    give_back_orders,
    end_a_hold,
    give_back_entries,
    shut_leavers,
    release_entries,
    shut_lost_wallets,
    record_stops,
]


@pytest.mark.parametrize("writer", [pytest.param(each, id=each.__name__) for each in WRITERS])
def test_a_writer_of_two_rows_and_a_holder_of_the_first_go_on_one_after_the_other(writer):
    writer(papers.build()).run()


def test_a_statement_about_two_funds_and_a_person_who_explains_a_difference_do_not_deadlock():
    stage = make_stage()
    stage.load(statement((FBTC, "1"), (IBIT, "1")))
    second = Break.objects.get(fund__symbol="IBIT")
    streams = EventStream.objects.select_for_update(no_key=True).filter(institution=None)
    meet(
        lambda: stage.load(statement((FBTC, "2"), (IBIT, "2"))),
        first=lambda: list(Break.objects.select_for_update(no_key=True).filter(pk=second.pk)),
        then=lambda: list(streams),
    )
    assert Break.objects.filter(status="EXPLAINED").count() == 2


def test_a_statement_that_freezes_two_funds_and_a_posting_to_one_of_them_do_not_deadlock():
    stage = make_stage()
    for symbol, isin in (("FBTC", FBTC), ("IBIT", IBIT)):
        stage.fund = Fund.objects.get(symbol=symbol)
        deposit = stage.advise("10", symbol=symbol)
        stage.confirm(deposit, isin=isin)
        claim(Pot(stage.fund, stage.account, stage.investor.pk, deposit.pk))
    backing = LedgerAccount.objects.get(fund__symbol="IBIT", bucket="BACKING")
    streams = EventStream.objects.select_for_update(no_key=True).filter(institution=None)
    meet(
        lambda: stage.load(statement()),
        first=lambda: list(
            LedgerAccount.objects.select_for_update(no_key=True).filter(pk=backing.pk)
        ),
        then=lambda: list(streams),
    )
    assert set(Fund.objects.filter(status="FROZEN").values_list("symbol", flat=True)) == {
        "FBTC",
        "IBIT",
    }


def claim(pot):
    """Let a token stand on a share of the fund, so that a difference is no longer a small matter."""
    order = pot.order(parse_quantity("1"))
    with transaction.atomic(durable=True):
        ledger.open_token(fund=pot.fund, custody_account=pot.account, token_id=pot.token_id)
        ledger.reserve(**order)
        ledger.back(**order)
