"""A small finished world to look at: every page has something on it, in several states."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from core import actors, breakers, events
from core import services as core_services
from core.actors import Actor, ActorKind
from core.models import (
    DeliveryAttempt,
    Heartbeat,
    Institution,
    WebhookDelivery,
    WebhookEndpoint,
)
from core.units import Units, parse_quantity
from custody import ledger
from custody.models import (
    Attestation,
    Break,
    CustodyAccount,
    Deposit,
    Fund,
    FundIdentifier,
)
from issuance.models import (
    Attempt,
    ChainCursor,
    ChainTransaction,
    ChainTransactionOrder,
    Holder,
    Order,
    Signer,
    SupplySnapshot,
    Token,
    TokenLog,
)
from kyc import services as kyc_services
from kyc.models import AccessEvent, Investor, Wallet
from tests.custody import rows

API = Actor(ActorKind.API_KEY, "k3yDeM0000")
CHAIN_ID = 31337


@dataclass
class World:
    """What tests name."""

    people: dict[str, User]
    institution: Institution
    in_review: Investor
    refused: Investor
    approved: Investor
    order: Order
    awaiting: Order
    delivery: WebhookDelivery
    endpoint: WebhookEndpoint


def _hex(size: int) -> str:
    return "0x" + secrets.token_hex(size)


def _people(make: Callable[..., User]) -> dict[str, User]:
    return {
        "officer": make("cora.keller", "compliance_officer"),
        "head": make("chen.wei", "compliance_head"),
        "issuance": make("ines.roth", "issuance_ops"),
        "custody": make("otto.lang", "custody_ops"),
        "treasury": make("tess.moor", "treasury"),
        "api": make("abel.frey", "api_admin"),
        "auditor": make("audrey.senn", "auditor"),
    }


def _by(person: User) -> Actor:
    return actors.operator(person.pk)


def _investor(
    institution: Institution, external_id: str, kind: str, name: str, facts: dict[str, Any]
) -> Investor:
    return kyc_services.create_investor(
        institution_id=institution.pk,
        external_id=external_id,
        kind=kind,
        legal_name=name,
        facts=facts,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=5),
    )


def _submit(investor: Investor) -> Investor:
    return kyc_services.submit_investor(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=4),
    )


def _owner(investor: Investor, name: str, kind: str, country: str, share_bps: int) -> None:
    kyc_services.add_owner(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        name=name,
        kind=kind,
        country=country,
        nationality="",
        share_bps=share_bps,
        controls=True,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=5),
    )


SWISS = {
    "residence": "CH",
    "nationality": "CH",
    "tax_residence": "CH",
    "bank_country": "CH",
    "phone": "+41446681800",
    "professional": True,
    "us_person": False,
    "employer_country": "CH",
    "settlement_currency": "CHF",
}


def _entity_facts(country: str) -> dict[str, Any]:
    return {
        "incorporation": country,
        "place_of_business": country,
        "tax_residence": country,
        "bank_country": country,
        "professional": True,
        "us_person": False,
        "cn_financial_subsidiary": False,
        "settlement_currency": "USD",
    }


def _approve(investor: Investor, people: dict[str, User]) -> Investor:
    now = datetime.now(UTC) - timedelta(hours=3)
    for check in investor.checks.filter(status="PENDING"):
        kyc_services.record_check_result(
            check_id=check.pk,
            status="PASSED",
            reason_code="",
            facts={},
            actor=_by(people["officer"]),
            now=now,
        )
    kyc_services.propose_approval(
        investor_id=investor.pk,
        actor=_by(people["officer"]),
        now=now,
        reason="Documents complete, case 2026-118",
    )
    return kyc_services.approve_investor(
        investor_id=investor.pk,
        actor=_by(people["head"]),
        now=now + timedelta(minutes=9),
        reason="Checked against case 2026-118",
    )


def _investors(institution: Institution, people: dict[str, User]) -> tuple[Investor, ...]:
    approved = _approve(
        _submit(_investor(institution, "client-1001", "NATURAL", "Anna Muster", SWISS)), people
    )
    refused_facts = SWISS | {"residence": "CN", "phone": "+8613800138000"}
    refused = _submit(
        _investor(institution, "client-1002", "NATURAL", "Wang Xiaoming", refused_facts)
    )
    fund = _investor(
        institution,
        "client-1003",
        "ENTITY",
        "Victoria Peak Opportunities Fund Ltd",
        _entity_facts("HK"),
    )
    _owner(fund, "Ho Ka Yan", "NATURAL", "HK", 6000)
    in_review = _submit(fund)
    controlled = _investor(
        institution, "client-1004", "ENTITY", "Lion Gate Pte Ltd", _entity_facts("SG")
    )
    _owner(controlled, "Shenzhen Parent Holding Co", "ENTITY", "CN", 8000)
    _submit(controlled)
    return approved, refused, in_review


def _wallet(investor: Investor, now: datetime) -> Wallet:
    return Wallet.objects.create(
        investor=investor,
        network="anvil",
        address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        status="PROVED",
        proved_at=now - timedelta(hours=2),
        usable_at=now - timedelta(hours=1),
        created_at=now - timedelta(hours=3),
    )


def _settled_fund(
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


def _token(fund: Fund, account: CustodyAccount, now: datetime) -> Token:
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


def _order(
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


def _complete(order: Order, signer: Signer) -> Order:
    now = order.created_at
    tx_hash = _hex(32)
    posting = {
        "fund_id": order.token.fund_id,
        "custody_account_id": order.custody_account_id,
        "investor_id": order.investor_id,
        "quantity": Units(order.quantity),
        "order_id": order.pk,
    }
    with transaction.atomic(durable=True):
        ledger.reserve(**posting, actor=API, now=now)
        worker = actors.system("issuance.assign")
        ledger.back(**posting, token_id=order.token_id, actor=worker, now=now)
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
        include_hash=tx_hash,
        include_block=812,
        include_block_hash=_hex(32),
        created_at=now,
    )
    Signer.objects.filter(pk=signer.pk).update(next_nonce=signer.next_nonce + 1)
    signer.refresh_from_db()
    Attempt.objects.create(
        chain_transaction=row,
        sequence=1,
        tx_hash=tx_hash,
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
    TokenLog.objects.create(
        token=order.token,
        block=812,
        block_hash=row.include_block_hash,
        tx_hash=tx_hash,
        log_index=0,
        kind="OrderMinted",
        onchain_id=order.onchain_id,
        account=order.wallet.address,
        quantity=order.quantity,
        order=order,
    )
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


def _reserved(order: Order) -> Order:
    with transaction.atomic(durable=True):
        ledger.reserve(
            fund_id=order.token.fund_id,
            custody_account_id=order.custody_account_id,
            investor_id=order.investor_id,
            quantity=Units(order.quantity),
            order_id=order.pk,
            actor=API,
            now=order.created_at,
        )
    return order


def _snapshots(token: Token, now: datetime) -> None:
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


def _webhooks(institution: Institution, now: datetime) -> tuple[WebhookEndpoint, WebhookDelivery]:
    endpoint = core_services.create_webhook_endpoint(
        institution_id=institution.pk,
        url="https://hooks.alpine-broker.example/sharemint",
        event_types=["*"],
        actor=API,
        now=now - timedelta(hours=6),
    ).endpoint
    with transaction.atomic(durable=True):
        for name in ("first", "second"):
            event = events.record(
                event_type="test.ping",
                row=endpoint,
                actor=API,
                now=now - timedelta(hours=5),
                data={"note": name},
            )
    delivery = WebhookDelivery.objects.get(event=event)
    for number, (answer, fault) in enumerate(
        [(None, "connect"), (502, "http_5xx"), (None, "timeout")], start=1
    ):
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=number,
            started_at=now - timedelta(hours=4 - number),
            duration_ms=117 * number,
            response_status=answer,
            response_body="Bad gateway" if answer else "",
            error_class=fault,
        )
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state="FAILED", attempts=3, next_attempt_at=None, finished_at=now - timedelta(hours=1)
    )
    done = WebhookDelivery.objects.exclude(pk=delivery.pk).first()
    assert done is not None
    DeliveryAttempt.objects.create(
        delivery=done,
        number=1,
        started_at=now - timedelta(hours=5),
        duration_ms=41,
        response_status=204,
    )
    WebhookDelivery.objects.filter(pk=done.pk).update(
        state="DELIVERED", attempts=1, next_attempt_at=None, finished_at=now
    )
    delivery.refresh_from_db()
    return endpoint, delivery


def _operations(account: CustodyAccount, fund: Fund, now: datetime) -> None:
    for name, seconds in (("worker", 3), ("beat", 2), ("dispatcher", 1), ("pump", 900)):
        Heartbeat.objects.create(name=name, beat_at=now - timedelta(seconds=seconds))
    AccessEvent.objects.create(
        at=now - timedelta(minutes=12),
        network="203.0.113.0/24",
        country="CN",
        method="POST",
        path="/v1/orders",
        code="unavailable_for_legal_reasons",
    )
    Break.objects.create(
        kind="UNKNOWN_REFERENCE",
        severity="S2",
        fund=fund,
        custody_account=account,
        subject="SBX-9921",
        created_at=now - timedelta(hours=7),
    )
    with transaction.atomic(durable=True):
        breakers.open_breaker(
            name="attestations",
            reason="The custodian has not answered for an hour",
            actor=actors.system("issuance.invariants"),
            now=now - timedelta(minutes=30),
        )


def build(make: Callable[..., User]) -> World:
    """The whole world."""
    now = datetime.now(UTC)
    people = _people(make)
    institution = core_services.create_institution(
        name="Alpine Broker AG", country="CH", actor=actors.system("seed"), now=now
    )
    core_services.issue_api_key(
        institution_id=institution.pk,
        name="Order gateway",
        granted=["orders:read"],
        actor=_by(people["api"]),
        now=now,
    )
    endpoint, delivery = _webhooks(institution, now)
    approved, refused, in_review = _investors(institution, people)
    wallet = _wallet(approved, now)
    account = rows.make_account(label="Segregated 01")
    fund = _settled_fund(
        "IBIT",
        "US46438F1012",
        "iShares Bitcoin Trust",
        investor=approved,
        account=account,
        shares="1000",
    )
    _settled_fund(
        "FBTC",
        "US3159481098",
        "Fidelity Wise Origin Fund",
        investor=approved,
        account=account,
        shares="500",
    )
    token = _token(fund, account, now)
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
        institution=institution,
        status="REGISTERED",
        wanted_country=756,
        wanted_kyc_expires_at=now + timedelta(days=365),
        country=756,
        kyc_expires_at=now + timedelta(days=365),
        permitted=True,
        registered_at=now,
        created_at=now,
    )
    order = _complete(_order(token, wallet, 1, "600.25", "QUEUED"), signer)
    awaiting = _reserved(_order(token, wallet, 2, "120", "AWAITING_APPROVAL"))
    _reserved(_order(token, wallet, 3, "12.5", "QUEUED"))
    _order(token, wallet, 4, "75", "REJECTED", reason_code="not_eligible")
    _order(token, wallet, 5, "40", "AWAITING_TOKENS", type="REDEEM")
    _snapshots(token, now)
    _operations(account, fund, now)
    return World(
        people, institution, in_review, refused, approved, order, awaiting, delivery, endpoint
    )
