"""A settled fund, its token, and orders in many states."""

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from core import actors, events, history
from core.actors import Actor
from core.units import Units, parse_quantity
from custody import ledger
from custody.models import Attestation, CustodyAccount, Deposit, Fund, FundIdentifier
from issuance import services
from issuance.models import (
    Attempt,
    ChainCursor,
    ChainTransaction,
    ChainTransactionOrder,
    Holder,
    NetworkGate,
    Order,
    Signer,
    SupplySnapshot,
    Token,
    TokenLog,
    TransferStop,
)
from issuance.services import postings
from issuance.services.holds import HoldTerms
from issuance.states import Direction, HoldOwner, HoldReason
from kyc.models import Investor, Wallet
from tests.browser.world.compliance import API

CHAIN_ID = 31337


def _hex(size: int) -> str:
    return "0x" + secrets.token_hex(size)


def settled_fund(
    symbol: str, isin: str, name: str, *, investor: Investor, account: CustodyAccount, shares: str
) -> Fund:
    now = datetime.now(UTC)
    fund = Fund.objects.create(
        symbol=symbol, name=name, sponsor=name.split(maxsplit=1)[0], fee_bps=25, created_at=now
    )
    FundIdentifier.objects.create(
        fund=fund, scheme="ISIN", value=isin, valid_from=date(2024, 1, 11)
    )
    deposit = Deposit.objects.create(
        institution=investor.institution,
        investor=investor,
        fund=fund,
        custody_account=account,
        quantity=parse_quantity(shares),
        settled_quantity=parse_quantity(shares),
        status="SETTLED",
        reference=f"DEP-{symbol}-1",
        custodian_reference=f"SBX-{symbol}-77",
        requested_by=str(API),
        sent_at=now - timedelta(hours=2),
        settled_at=now - timedelta(hours=1),
        created_at=now - timedelta(hours=2),
    )
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
        ledger.open_investor(fund=fund, custody_account=account, investor_id=investor.pk)
        ledger.settle_deposit(
            deposit=deposit,
            quantity=Units(deposit.quantity),
            custodian_reference=deposit.custodian_reference,
            value_date=now.date(),
            actor=actors.system("custodian"),
            now=now - timedelta(hours=1),
        )
        events.record(
            event_type="deposit.settled", row=deposit, actor=actors.system("custodian"), now=now
        )
    return fund


def token_of(fund: Fund, account: CustodyAccount, now: datetime) -> Token:
    NetworkGate.objects.create(
        network="anvil", mark=history.mark(), created_at=now - timedelta(hours=6)
    )
    token = Token.objects.create(
        fund=fund,
        custody_account=account,
        network="anvil",
        chain_id=CHAIN_ID,
        address=_hex(20),
        symbol=f"t{fund.symbol}",
        name=f"Tokenised {fund.symbol}",
        deployed_block=3,
        attestor_address=_hex(20),
        attested_units=parse_quantity("1000"),
        attested_as_of=now - timedelta(minutes=20),
        created_at=now - timedelta(hours=6),
    )
    with transaction.atomic(durable=True):
        ledger.open_token(fund=fund, custody_account=account, token_id=token.pk)
    Attestation.objects.create(
        token_id=token.pk,
        fund=fund,
        custodian=account.custodian,
        shares=parse_quantity("1000"),
        as_of=now - timedelta(minutes=20),
        report=f"{fund.symbol} 1000",
        report_hash=_hex(32),
        signature=_hex(65),
        signer_address=token.attestor_address,
        created_at=now - timedelta(minutes=19),
    )
    return token


def order_of(
    token: Token, wallet: Wallet, number: int, shares: str, status: str, **changes: Any
) -> Order:
    investor = wallet.investor
    assert investor.decision is not None
    now = datetime.now(UTC) - timedelta(minutes=40 - number)
    fields: dict[str, Any] = {
        "institution": investor.institution,
        "investor": investor,
        "token": token,
        "wallet": wallet,
        "custody_account": token.custody_account,
        "decision": investor.decision,
        "type": "MINT",
        "status": status,
        "quantity": parse_quantity(shares),
        "client_order_id": f"ord-2026-{number:04d}",
        "onchain_id": number,
        "created_by": str(API),
        "created_at": now,
    }
    order = Order.objects.create(**fields | changes)
    with transaction.atomic(durable=True):
        events.record(event_type="order.created", row=order, actor=API, now=now)
    return order


def complete(order: Order, signer: Signer) -> Order:
    """Take a queued mint to finality as the pipeline would have."""
    now = order.created_at
    _back(order)
    tx_hash = _transaction(order, signer).include_hash
    Order.objects.filter(pk=order.pk).update(tx_hash=tx_hash)
    for status, seconds in (("SUBMITTED", 1), ("INCLUDED", 3), ("COMPLETED", 9)):
        changes = {"completed_at": now + timedelta(seconds=9)} if status == "COMPLETED" else {}
        Order.objects.filter(pk=order.pk).update(status=status, **changes)
        order.refresh_from_db()
        with transaction.atomic(durable=True):
            events.record(
                event_type=f"order.{status.lower()}",
                row=order,
                actor=actors.system("issuance.pipeline"),
                now=now + timedelta(seconds=seconds),
            )
    return order


def _back(order: Order) -> None:
    now = order.created_at
    with transaction.atomic(durable=True):
        postings.reserve(order=order, actor=API, now=now)
        postings.back(order=order, actor=actors.system("issuance.assign"), now=now)


def _transaction(order: Order, signer: Signer) -> ChainTransaction:
    now = order.created_at
    row = ChainTransaction.objects.create(
        signer=signer,
        token=order.token,
        kind="MINT",
        status="FINAL_OK",
        nonce=signer.next_nonce,
        to_address=order.token.address,
        calldata=b"\x01",
        gas_limit=120_000,
        gas_used=62_411,
        sent_at=now + timedelta(seconds=1),
        included_at=now + timedelta(seconds=3),
        final_at=now + timedelta(seconds=9),
        include_hash=_hex(32),
        include_block=812,
        include_block_hash=_hex(32),
        created_at=now,
    )
    Signer.objects.filter(pk=signer.pk).update(next_nonce=signer.next_nonce + 1)
    signer.refresh_from_db()
    Attempt.objects.create(
        chain_transaction=row,
        sequence=1,
        tx_hash=row.include_hash,
        raw=b"\x02",
        max_fee_wei=2_400_000_000,
        tip_wei=100_000_000,
        created_at=now,
        sent_count=1,
        last_sent_at=now + timedelta(seconds=1),
        last_answer="accepted",
    )
    ChainTransactionOrder.objects.create(
        chain_transaction=row, order=order, index=0, live=True, outcome="minted"
    )
    _log(order, row)
    return row


def _log(order: Order, row: ChainTransaction) -> None:
    TokenLog.objects.create(
        token=order.token,
        block=812,
        block_hash=row.include_block_hash,
        tx_hash=row.include_hash,
        log_index=0,
        kind="OrderMinted",
        onchain_id=order.onchain_id,
        account=order.wallet.address,
        quantity=order.quantity,
        order=order,
    )


def reserved(order: Order) -> Order:
    with transaction.atomic(durable=True):
        postings.reserve(order=order, actor=API, now=order.created_at)
    return order


def snapshots(token: Token, now: datetime) -> None:
    for step in range(24):
        supply = parse_quantity("600.25" if step > 15 else str(25 * step))
        SupplySnapshot.objects.create(
            token=token,
            block=100 + step * 30,
            block_hash=_hex(32),
            supply=supply,
            cap=parse_quantity("1000"),
            settled=parse_quantity("1000" if step > 3 else "500"),
            taken_at=now - timedelta(hours=24 - step),
        )
    ChainCursor.objects.create(token=token, block=820, block_hash=_hex(32), moved_at=now)


def signer_and_holder(token: Token, wallet: Wallet, now: datetime) -> Signer:
    signer = Signer.objects.create(
        network="anvil",
        chain_id=CHAIN_ID,
        address=_hex(20),
        role="ISSUER",
        next_nonce=7,
        created_at=now,
    )
    Holder.objects.create(
        token=token,
        wallet=wallet,
        institution=wallet.investor.institution,
        status="REGISTERED",
        wanted_country=756,
        wanted_kyc_expires_at=now + timedelta(days=365),
        country=756,
        kyc_expires_at=now + timedelta(days=365),
        permitted=True,
        registered_at=now,
        created_at=now,
    )
    return signer


def holds(token: Token, investor: Investor, actor: Actor, now: datetime) -> None:
    """A redemption hold on an investor, and a wallet that may not transfer."""
    wallet = Wallet.objects.get(investor=investor)
    services.place_hold(
        terms=HoldTerms(
            directions=frozenset({Direction.REDEEM}),
            owner=HoldOwner.COMPLIANCE,
            reason_code=HoldReason.COMPLIANCE_REVIEW,
            note="Case 2026-131",
            investor_id=investor.pk,
            until=now + timedelta(days=30),
        ),
        actor=actor,
        now=now - timedelta(minutes=50),
    )
    services.place_hold(
        terms=HoldTerms(
            directions=frozenset({Direction.TRANSFER}),
            owner=HoldOwner.COMPLIANCE,
            reason_code=HoldReason.SECURITY_INCIDENT,
            note="The holder reported a stolen phone, case 2026-133",
            token_id=token.pk,
            wallet_id=wallet.pk,
        ),
        actor=actor,
        now=now - timedelta(minutes=20),
    )
    TransferStop.objects.create(
        token=token, wallet=wallet, wanted=True, standing=True, ours=True, changed_at=now
    )
