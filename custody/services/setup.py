"""Use cases that set the stage: funds, custodians and the accounts they keep."""

import hashlib
import os
import uuid
from datetime import date, datetime

from stdnum import cusip as cusip_number
from stdnum import isin as isin_number

from core import events
from core.actors import Actor
from core.use_case import use_case
from custody import ledger
from custody.models import Custodian, CustodyAccount, Fund, FundIdentifier
from custody.services.seeds import FUNDS, FundSeed
from custody.states import FundStatus

SALT_BYTES = 32


@use_case
def seed_funds(*, actor: Actor, now: datetime) -> list[Fund]:
    """Enter the funds of the issuer's programme; those already there stay as they are."""
    return [_seed_fund(seed, actor=actor, now=now) for seed in FUNDS]


@use_case
def add_custodian(
    *,
    code: str,
    name: str,
    kind: str,
    attestor_address: str = "",
    actor: Actor,
    now: datetime,
) -> Custodian:
    """Enter a custodian, or bring the attestor's address of a known one up to date."""
    custodian, made = Custodian.objects.get_or_create(
        code=code,
        defaults={
            "name": name,
            "kind": kind,
            "attestor_address": attestor_address,
            "created_at": now,
        },
    )
    if made:
        events.record(event_type="custodian.added", row=custodian, actor=actor, now=now)
    elif attestor_address and attestor_address != custodian.attestor_address:
        custodian.attestor_address = attestor_address
        custodian.version += 1
        custodian.save(update_fields=["attestor_address", "version"])
        events.record(
            event_type="custodian.attestor_changed",
            row=custodian,
            actor=actor,
            now=now,
            data={"attestor_address": attestor_address},
        )
    return custodian


@use_case
def add_custody_account(
    *,
    custodian_id: uuid.UUID,
    label: str,
    number: str,
    segregation: str = CustodyAccount.Segregation.ISSUER,
    actor: Actor,
    now: datetime,
) -> CustodyAccount:
    """Enter an account and open the ledger of every fund on it; a known label stays as it is."""
    known = CustodyAccount.objects.filter(custodian_id=custodian_id, label=label).first()
    if known is not None:
        return known
    salt = os.urandom(SALT_BYTES)
    account = CustodyAccount.objects.create(
        custodian_id=custodian_id,
        label=label,
        number=number,
        salt=salt,
        commitment=hashlib.sha256(salt + number.encode()).digest(),
        segregation=segregation,
        created_at=now,
    )
    for fund in Fund.objects.exclude(status=FundStatus.CLOSED):
        ledger.open_fund(fund=fund, custody_account=account)
    events.record(event_type="custody_account.added", row=account, actor=actor, now=now)
    return account


def _seed_fund(seed: FundSeed, *, actor: Actor, now: datetime) -> Fund:
    fund, made = Fund.objects.get_or_create(
        symbol=seed.symbol,
        defaults={
            "name": seed.name,
            "sponsor": seed.sponsor,
            "fee_bps": seed.fee_bps,
            "created_at": now,
        },
    )
    if not made:
        return fund
    for cusip, valid_from, valid_until in seed.cusips:
        for scheme, value in (("CUSIP", cusip), ("ISIN", _isin(cusip))):
            FundIdentifier.objects.create(
                fund=fund,
                scheme=scheme,
                value=value,
                valid_from=date.fromisoformat(valid_from),
                valid_until=date.fromisoformat(valid_until) if valid_until else None,
            )
    for account in CustodyAccount.objects.filter(closed_at=None):
        ledger.open_fund(fund=fund, custody_account=account)
    events.record(
        event_type="fund.added", row=fund, actor=actor, now=now, data={"symbol": fund.symbol}
    )
    return fund


def _isin(cusip: str) -> str:
    return isin_number.from_natid("US", cusip_number.validate(cusip))
