"""Rows that custody's tests start from, each made in the plainest way that the database accepts."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from core.actors import Actor, ActorKind, system
from core.models import Institution
from core.units import Units, parse_quantity
from custody import ledger
from custody.ledger import OrderShares
from custody.ledger.posting import Posting, post
from custody.models import Custodian, CustodyAccount, Fund, FundIdentifier
from custody.states import Bucket, TransferKind
from kyc.models import Investor

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
ALICE = Actor(ActorKind.OPERATOR, "1")
BOB = Actor(ActorKind.OPERATOR, "2")
TEST = system("test")


def make_institution(name="Alpine Broker") -> Institution:
    return Institution.objects.create(name=name, country="CH", created_at=NOW)


def make_investor(institution=None, **changes) -> Investor:
    fields = {
        "institution": institution or make_institution(f"Broker {uuid.uuid4()}"),
        "external_id": str(uuid.uuid4()),
        "kind": "NATURAL",
        "legal_name": "Anna Muster",
        "status": "APPROVED",
        "proposed_by": str(ALICE),
        "approved_by": str(BOB),
        "approved_at": NOW,
        "kyc_expires_at": NOW + timedelta(days=365),
        "created_at": NOW,
    }
    return Investor.objects.create(**fields | changes)


def make_fund(symbol="IBIT", isin="US46438F1012", **changes) -> Fund:
    fund = Fund.objects.create(
        symbol=symbol,
        name=f"{symbol} trust",
        sponsor="Sponsor",
        fee_bps=25,
        created_at=NOW,
        **changes,
    )
    FundIdentifier.objects.create(
        fund=fund, scheme="ISIN", value=isin, valid_from=date(2024, 1, 11)
    )
    return fund


def make_custodian(code="SANDBOX", **changes) -> Custodian:
    return Custodian.objects.create(
        code=code, name=f"{code} Custody", kind="BANK", created_at=NOW, **changes
    )


def make_account(custodian=None, number="SB-0001", **changes) -> CustodyAccount:
    custodian = custodian or make_custodian()
    fields = {
        "custodian": custodian,
        "label": f"account {number}",
        "number": number,
        "salt": b"salt",
        "commitment": uuid.uuid4().bytes * 2,
        "segregation": "ISSUER",
        "created_at": NOW,
    }
    return CustodyAccount.objects.create(**fields | changes)


@dataclass
class Pot:
    """One investor with settled shares of one fund on one account, and one token."""

    fund: Fund
    account: CustodyAccount
    investor_id: uuid.UUID
    token_id: uuid.UUID

    def shares(self, quantity: int, order_id: uuid.UUID | None = None) -> OrderShares:
        """Those of one order, a new one unless it is named."""
        return OrderShares(
            fund_id=self.fund.pk,
            custody_account_id=self.account.pk,
            investor_id=self.investor_id,
            token_id=self.token_id,
            quantity=Units(quantity),
            order_id=order_id or uuid.uuid4(),
        )

    def order(self, quantity: int, order_id: uuid.UUID | None = None) -> dict[str, Any]:
        """What every order posting asks for."""
        return {"shares": self.shares(quantity, order_id), "actor": TEST, "now": NOW}


def settle(pot: Pot, shares: str, key: str | None = None) -> uuid.UUID:
    """Put free shares on the pot as a settled confirmation would."""
    key = key or str(uuid.uuid4())
    posting = Posting(
        key=key,
        kind=TransferKind.SETTLE,
        fund_id=pot.fund.pk,
        custody_account_id=pot.account.pk,
        source=(Bucket.EXTERNAL, None),
        destination=(Bucket.FREE, pot.investor_id),
        quantity=parse_quantity(shares),
        cause="test",
        made_by=str(TEST),
    )
    with transaction.atomic(durable=True):
        return post(posting, now=NOW)


def make_pot(shares="0", fund=None, account=None, investor_id=None) -> Pot:
    pot = Pot(
        fund=fund or make_fund(),
        account=account or make_account(),
        investor_id=investor_id or uuid.uuid4(),
        token_id=uuid.uuid4(),
    )
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=pot.fund, custody_account=pot.account)
        ledger.open_investor(
            fund=pot.fund, custody_account=pot.account, investor_id=pot.investor_id
        )
        ledger.open_token(fund=pot.fund, custody_account=pot.account, token_id=pot.token_id)
    if shares != "0":
        settle(pot, shares)
    return pot
