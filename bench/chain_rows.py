"""Rows the chain benchmark starts from: custody, investors, and orders made in bulk but lawfully."""

import random
import time
import uuid
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from bench.chain_stage import INSTITUTIONS, NETWORK, PURSE_WEI, SHARES_EACH, SWITZERLAND, SYMBOL
from config.devstack.anvil import Anvil
from core import events, services
from core.actors import Actor, ActorKind, system
from core.bulk import insert_many
from core.errors import DomainError
from core.ids import new_uuid
from core.models import Institution
from core.units import UNITS_PER_WHOLE, Units
from custody import ledger
from custody import services as custody_services
from custody.ledger import OrderShares, reserve_many
from custody.ledger.posting import Posting, post_many
from custody.models import CustodyAccount, Fund
from custody.providers.custodian import AttestationRequest, SignedAttestation
from custody.states import Bucket, TransferKind
from issuance import queries
from issuance.chain import registry
from issuance.chain import types as chain
from issuance.chain.attestation import TokenDomain
from issuance.chain.creations import Patience
from issuance.chain.wallets import Wallet as Key
from issuance.models import Holder, Order, Token
from issuance.pipeline import advance, follow, holders, reserves
from issuance.pipeline import launch as launching
from issuance.pipeline.world import World, from_settings
from issuance.services.facts import order_facts
from issuance.states import OrderStatus, OrderType
from kyc import policy as kyc_policy
from kyc.models import Decision, Fact, Investor, Wallet, store_decisions

BENCH = system("bench")
CLIENT = Actor(ActorKind.API_KEY, "bench")
READY_SECONDS = 120
QUANTITY = UNITS_PER_WHOLE // 4
CHUNK = 1_000
# Residents of Switzerland of many nations, some taxed or with a bank abroad: nearly two thousand
# different sets of facts, so that hardly two orders of a batch are judged by the same one.
_NATIONS = (
    "AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR",
    "IE", "IN", "IT", "JP", "LI", "LU", "NL", "NO", "PL", "PT", "SE",
)  # fmt: skip
_BANKS = ("AT", "CH", "DE", "LI")


def open_custody(seed: int) -> Key:
    """The programme's funds, a custodian with one account, and the key it attests with."""
    now = timezone.now()
    attestor = Key(keccak(text=f"bench attestor {seed}"))
    custody_services.seed_funds(actor=BENCH, now=now)
    custodian = custody_services.add_custodian(
        code="BENCH", name="Bench Custody", kind="BANK", attestor_address=attestor.address,
        actor=BENCH, now=now,
    )  # fmt: skip
    custody_services.add_custody_account(
        custodian_id=custodian.pk, label="Bench", number="1", actor=BENCH, now=now
    )
    return attestor


def launch(anvil: Anvil, attestor: Key) -> Token:
    """Keys with ether and the contract in service; blocks come one per transaction so far."""
    now = timezone.now()
    for address in launching.ensure_signers(network=NETWORK, actor=BENCH, now=now).values():
        anvil.set_balance(address, PURSE_WEI)
    wanted = launching.Launch(underlying_symbol=SYMBOL, network=NETWORK, attestor=attestor.address)
    # Nobody else makes blocks yet, and finality is two of them away.
    patience = Patience(tell=lambda _: anvil.mine())
    return launching.launch_token(launch=wanted, actor=BENCH, clock=timezone.now, patience=patience)


def make_investors(*, seed: int, count: int) -> None:
    """Approved investors with facts, a proved wallet and settled shares each."""
    now = timezone.now()
    before = now - timedelta(days=2)
    institutions = [
        services.create_institution(name=f"Bench {n}", country="CH", actor=BENCH, now=now)
        for n in range(INSTITUTIONS)
    ]
    investors = [_investor(institutions[n % INSTITUTIONS], n, now) for n in range(count)]
    Investor.objects.bulk_create(investors)
    draw = random.Random(seed)
    Fact.objects.bulk_create(
        Fact(
            investor=investor, name=name, value=f'["{value}"]', source="declared",
            valid_from=before, recorded_at=before,
        )
        for investor in investors
        for name, value in _facts(draw).items()
    )  # fmt: skip
    Wallet.objects.bulk_create(
        Wallet(
            id=new_uuid(), created_at=before, investor=investor, network=NETWORK,
            address=to_checksum_address(keccak(text=f"bench holder {seed} {n}")[:20]),
            status="PROVED", proved_at=before, usable_at=before,
        )
        for n, investor in enumerate(investors)
    )  # fmt: skip
    _settle(investors)


def _facts(draw: random.Random) -> dict[str, str]:
    return {
        "residence": SWITZERLAND,
        "nationality": draw.choice(_NATIONS),
        "tax_residence": draw.choice(_NATIONS),
        "bank_country": draw.choice(_BANKS),
    }


def register_and_attest(anvil: Anvil, token: Token, attestor: Key, *, count: int) -> None:
    """The holders' register and the cap, through the pipeline itself."""
    world = World(
        chain_for=registry.client_for,
        key_for=registry.signer_for,
        attest=lambda _, request: _sign(attestor, anvil, request),
    )
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        now = timezone.now()
        holders.register_due(world=world, now=now)
        reserves.request_due(world=world, now=now)
        advance.advance_due(world=world, clock=timezone.now)
        follow.follow_all(world=from_settings(), now=now)
        anvil.mine(3)
        done = Holder.objects.filter(token=token, registered_at__isnull=False).count()
        if done == count and Token.objects.get(pk=token.pk).attested_units > 0:
            return
    raise RuntimeError("the stage was not ready in time")


def make_orders(*, token_id: uuid.UUID, count: int, status: OrderStatus, mark: str) -> None:
    """Mint orders with decision, reservation and first event, as ``create_order`` leaves them."""
    token = queries.token_by_id(token_id=token_id)
    wallets = list(Wallet.objects.select_related("investor").filter(network=NETWORK).order_by("pk"))
    account = CustodyAccount.objects.get()
    for first in range(0, count, CHUNK):
        some = [wallets[n % len(wallets)] for n in range(first, min(first + CHUNK, count))]
        with transaction.atomic(durable=True):
            _make_chunk(token, account, some, status=status, mark=f"{mark}-{first}")


def _make_chunk(
    token: Token, account: CustodyAccount, wallets: list[Wallet], *, status: OrderStatus, mark: str
) -> None:
    now = timezone.now()
    investors = [wallet.investor for wallet in wallets]
    decisions = _decisions(investors, now)
    orders = [
        Order(
            id=new_uuid(), created_at=now, institution_id=wallet.investor.institution_id,
            investor=wallet.investor, token=token, wallet=wallet, custody_account=account,
            decision=decision, type=OrderType.MINT, status=status, quantity=QUANTITY,
            client_order_id=f"{mark}-{n}", onchain_id=onchain_id, created_by=str(CLIENT),
            next_attempt_at=now if status == OrderStatus.QUEUED else None,
        )
        for n, (wallet, decision, onchain_id) in enumerate(
            zip(wallets, decisions, _onchain_ids(token, len(wallets)), strict=True)
        )
    ]  # fmt: skip
    reserve_many(
        shares=[
            OrderShares(
                fund_id=token.fund_id, custody_account_id=account.pk,
                investor_id=order.investor_id, token_id=token.pk,
                quantity=Units(order.quantity), order_id=order.pk,
            )
            for order in orders
        ],
        actor=CLIENT,
        now=now,
    )  # fmt: skip
    insert_many(orders)
    said = [
        events.Happening(event_type="order.created", row=order, data=order_facts(order))
        for order in orders
    ]
    events.record_many(said, actor=CLIENT, now=now)


def _decisions(investors: list[Investor], now: datetime) -> list[Decision]:
    """Stored, for each investor; the stage has none who may not mint."""
    decisions = []
    for answer in kyc_policy.require_each(
        investors=investors, action="mint", now=now, trigger="order"
    ):
        if isinstance(answer, DomainError):
            raise answer
        decisions.append(answer)
    store_decisions(decisions)
    return decisions


def _onchain_ids(token: Token, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)",
            [queries.sequence_name(token.pk), count],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def _investor(institution: Institution, number: int, now: datetime) -> Investor:
    return Investor(
        id=new_uuid(), created_at=now, institution=institution, external_id=f"bench-{number}",
        kind="NATURAL", legal_name="Anna Muster", status="APPROVED", proposed_by="operator:1",
        approved_by="operator:2", approved_at=now, kyc_expires_at=now + timedelta(days=365),
    )  # fmt: skip


def _settle(investors: list[Investor]) -> None:
    fund, account = Fund.objects.get(symbol=SYMBOL), CustodyAccount.objects.get()
    with transaction.atomic(durable=True):
        for investor in investors:
            ledger.open_investor(fund=fund, custody_account=account, investor_id=investor.pk)
        post_many(
            [
                Posting(
                    key=f"bench:{investor.pk}", kind=TransferKind.SETTLE, fund_id=fund.pk,
                    custody_account_id=account.pk, source=(Bucket.EXTERNAL, None),
                    destination=(Bucket.FREE, investor.pk),
                    quantity=Units(SHARES_EACH * UNITS_PER_WHOLE), cause="bench", made_by=str(BENCH),
                )
                for investor in investors
            ],
            now=timezone.now(),
        )  # fmt: skip


def _sign(attestor: Key, anvil: Anvil, request: AttestationRequest) -> SignedAttestation:
    report = f"{request.isin}: {request.shares}"
    head = anvil.rpc("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - the method's own
    figure = chain.Attestation(
        shares=request.shares,
        as_of=int(head["timestamp"], 16),
        report_hash=f"0x{keccak(text=report).hex()}",
    )
    domain = TokenDomain(request.token_name, request.chain_id, request.contract)
    signature = attestor.sign_attestation(figure, domain)
    return SignedAttestation(
        shares=request.shares,
        as_of=figure.as_of,
        report=report,
        report_hash=figure.report_hash,
        signature=f"0x{signature.hex()}",
        signer_address=attestor.address,
    )
