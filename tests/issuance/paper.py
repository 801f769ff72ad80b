"""A stage without a chain: the rows an order needs, as if registration and attestation were final."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from core.actors import Actor
from core.ids import new_uuid
from core.models import Institution
from core.units import parse_quantity
from custody import ledger
from custody.models import CustodyAccount, Fund
from issuance import services
from issuance.chain import types as chain
from issuance.models import ChainCursor, Holder, Order, Signer, Token
from issuance.policy import OrderTerms
from issuance.services.escrow import FinalizedRange
from issuance.services.tokens import DeployedContract
from issuance.states import OrderType, SignerRole
from kyc.models import Investor, Wallet
from tests.core.conftest import ApiClient, make_client
from tests.custody import rows as custody_rows
from tests.issuance.stage import CLIENT, NETWORK, TEST, approve, make_wallet, settle

ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
OTHER_ADDRESS = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
ISSUER = "0xde709f2102306220921060314715629080e2fb77"
COMPLIANCE = "0x27b1fdb04752bbc536007a920d24acb045561c26"


@dataclass
class Paper:
    """An institution with one approved investor who can order."""

    institution: Institution
    investor: Investor
    fund: Fund
    account: CustodyAccount
    token: Token
    wallet: Wallet
    api: ApiClient

    def body(self, **changes) -> dict[str, object]:
        """A mint order as the API takes it."""
        body = {
            "type": "mint",
            "investor_id": self.investor.public_id,
            "underlying_symbol": "IBIT",
            "network": NETWORK,
            "qty": "10",
            "wallet_address": self.wallet.address,
            "client_order_id": uuid.uuid4().hex,
        }
        return body | changes

    def order(
        self, quantity: str = "10", order_type: OrderType = OrderType.MINT, actor: Actor = CLIENT
    ) -> Order:
        return services.create_order(
            institution_id=self.institution.pk,
            terms=OrderTerms(
                type=order_type,
                investor_id=self.investor.pk,
                underlying_symbol="IBIT",
                network=NETWORK,
                quantity=parse_quantity(quantity),
                wallet_address=self.wallet.address,
            ),
            client_order_id=uuid.uuid4().hex,
            context={},
            actor=actor,
            now=timezone.now(),
        )


def build(shares: str = "1000", name: str = "Alpine Broker", residence: str = "CH") -> Paper:
    now = timezone.now()
    institution = custody_rows.make_institution(name)
    investor = custody_rows.make_investor(institution, kyc_expires_at=now + timedelta(days=365))
    approve(investor, residence=residence)
    fund = custody_rows.make_fund()
    account = custody_rows.make_account(custody_rows.make_custodian(attestor_address=ADDRESS))
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
    token = register(fund)
    wallet = make_wallet(investor, ADDRESS)
    make_holder(token, wallet)
    paper = Paper(institution, investor, fund, account, token, wallet, make_client(institution))
    settle(fund, account, investor, shares)
    return paper


def register(fund: Fund, network: str = NETWORK, chain_id: int = 31337) -> Token:
    now = timezone.now()
    for role, address in ((SignerRole.ISSUER, ISSUER), (SignerRole.COMPLIANCE, COMPLIANCE)):
        services.register_signer(
            network=network,
            chain_id=chain_id,
            address=address,
            role=role,
            chain_nonce=0,
            actor=TEST,
            now=now,
        )
    token = services.register_token(
        underlying_symbol=fund.symbol,
        contract=DeployedContract(
            network=network,
            chain_id=chain_id,
            address=f"0x{uuid.uuid4().hex}00000000",
            name=f"Sharemint {fund.symbol}",
            symbol=f"s{fund.symbol}",
            block=1,
            attestor_address=ADDRESS,
            attestation_age_seconds_max=93_600,
        ),
        actor=TEST,
        now=now,
    )
    Token.objects.filter(pk=token.pk).update(attested_units=10**24, attested_as_of=now)
    token.refresh_from_db()
    return token


def make_holder(token: Token, wallet: Wallet, **changes) -> Holder:
    now = timezone.now()
    fields = {
        "id": new_uuid(),
        "created_at": now,
        "token": token,
        "wallet": wallet,
        "institution_id": wallet.investor.institution_id,
        "status": "REGISTERED",
        "wanted_country": 756,
        "wanted_kyc_expires_at": now + timedelta(days=365),
        "wanted_permitted": True,
        "country": 756,
        "kyc_expires_at": now + timedelta(days=365),
        "permitted": True,
        "registered_at": now,
    }
    return Holder.objects.create(**fields | changes)


def issuing_signer(token: Token) -> Signer:
    """The row of the token's issuing key."""
    return Signer.objects.get(chain_id=token.chain_id, role=SignerRole.ISSUER)


def happen(order: Order) -> Order:
    """The chain has executed a queued order, and we learn it by asking for its id."""
    now = timezone.now()
    services.doubt_order(order_id=order.pk, now=now)
    services.finish_checking(order_id=order.pk, tx_hash=f"0x{'ee' * 32}", now=now)
    order.refresh_from_db()
    return order


def mint(paper: Paper, quantity: str) -> Order:
    """Tokens in the paper's wallet, final."""
    return happen(paper.order(quantity))


def escrow(order: Order) -> Order:
    """The holder's tokens of a redemption are in escrow, final."""
    cursor = ChainCursor.objects.get(token=order.token)
    block, digest = cursor.block + 1, f"0x{cursor.block + 1:064x}"
    log = chain.Log(
        address=order.token.address,
        topics=(),
        data=b"",
        block_number=block,
        block_hash=digest,
        tx_hash=f"0x{'cd' * 32}",
        index=0,
    )
    asked = chain.RedeemRequested(
        log=log, order_id=order.onchain_id, account=order.wallet.address, amount=order.quantity
    )
    head = chain.Head(
        number=block, hash=digest, parent_hash="", timestamp=0, base_fee=1, gas_limit=1
    )
    services.record_logs(
        token_id=order.token_id,
        found=FinalizedRange(first_block=block, last=head, events=[asked], reserves=None),
        now=timezone.now(),
    )
    order.refresh_from_db()
    return order
