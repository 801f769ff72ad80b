"""What the ledger benchmark's workers do, one commit per call."""

import uuid
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from bench import naive_ledger
from core.actors import system
from core.units import Units
from custody import ledger
from custody.ledger.posting import Posting, post
from custody.models import Custodian, CustodyAccount, Fund
from custody.states import Bucket, TransferKind

BATCH = 100
_BENCH = system("bench")


def open_pot(*, quantity: int) -> dict[str, object]:
    """One fund, one custody account and one owner with ``quantity`` free units."""
    now = timezone.now()
    fund = Fund.objects.create(
        symbol="BENCH", name="Bench trust", sponsor="Bench", fee_bps=25, created_at=now
    )
    custodian = Custodian.objects.create(code="BENCH", name="Bench", kind="BANK", created_at=now)
    account = CustodyAccount.objects.create(
        custodian=custodian,
        label="bench",
        number="1",
        salt=b"salt",
        commitment=uuid.uuid4().bytes * 2,
        segregation="ISSUER",
        created_at=now,
    )
    owner = uuid.uuid4()
    filling = Posting(
        key="bench:fill",
        kind=TransferKind.SETTLE,
        fund_id=fund.pk,
        custody_account_id=account.pk,
        source=(Bucket.EXTERNAL, None),
        destination=(Bucket.FREE, owner),
        quantity=Units(quantity),
        cause="bench",
        made_by=str(_BENCH),
    )
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
        ledger.open_investor(fund=fund, custody_account=account, investor_id=owner)
        post(filling, now=now, value_date=date(2026, 1, 2))
    return {"fund": fund.pk, "account": account.pk, "owner": owner}


def post_ours(ids: dict[str, Any], quantity: int) -> None:
    """Reserve shares through the ledger, with every constraint on."""
    with transaction.atomic(durable=True):
        ledger.reserve(shares=_shares(ids, quantity), actor=_BENCH, now=timezone.now())


def post_batch(ids: dict[str, Any], quantity: int) -> None:
    """As many reservations in one commit as a batch of orders has, every constraint on for each."""
    shares = [_shares(ids, quantity) for _ in range(BATCH)]
    with transaction.atomic(durable=True):
        ledger.reserve_many(shares=shares, actor=_BENCH, now=timezone.now())


def _shares(ids: dict[str, Any], quantity: int) -> ledger.OrderShares:
    """A new order's; a reservation does not look at the token."""
    return ledger.OrderShares(
        fund_id=ids["fund"],
        custody_account_id=ids["account"],
        investor_id=ids["owner"],
        token_id=ids["owner"],
        quantity=Units(quantity),
        order_id=uuid.uuid4(),
    )


def post_naive(ids: dict[str, Any], quantity: int) -> None:
    """The same move through the naive ledger."""
    naive_ledger.transfer(
        source_id=ids["source"],
        destination_id=ids["destination"],
        quantity=quantity,
        now=timezone.now(),
    )


def insert_bare(ids: dict[str, Any], quantity: int) -> None:
    """The least a durable record can cost: one row, one commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_insert VALUES (%s, %s, %s)", [uuid.uuid4(), ids["owner"], quantity]
        )
