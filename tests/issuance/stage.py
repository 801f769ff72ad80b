"""A whole stage on real parts: an approved investor with settled shares, a token on anvil, keys."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from django.db import transaction
from django.utils import timezone
from eth_utils.crypto import keccak

from config.devstack.anvil import Anvil
from core import services as core_services
from core.actors import Actor, ActorKind, system
from core.ids import new_uuid
from core.models import Institution
from core.units import parse_quantity
from custody import ledger
from custody.ledger.posting import Posting, post
from custody.models import CustodyAccount, Fund
from custody.providers.custodian import AttestationRequest, SignedAttestation
from custody.states import Bucket, TransferKind
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.attestation import TokenDomain
from issuance.chain.client import ChainClient
from issuance.chain.deploy import Deployment, TokenPlan, deploy_token
from issuance.chain.signer import DEPLOYER, LocalSigner, Permission, SignerPolicy
from issuance.chain.token import TokenReader
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, Holder, Order, Token
from issuance.pipeline import advance, assign, check, follow, holders, moves, recover, reserves
from issuance.pipeline.world import World
from issuance.policy import OrderTerms
from issuance.services.tokens import DeployedContract
from issuance.states import OrderType, SignerRole
from kyc.models import Fact, Investor, Wallet
from tests.custody import rows as custody_rows

ETHER = 10**18
NETWORK = "anvil"
CLIENT = Actor(ActorKind.API_KEY, "key-1")
OPERATOR = Actor(ActorKind.OPERATOR, "7")
COLLEAGUE = Actor(ActorKind.OPERATOR, "8")
TEST = system("test")


def secret(name: str) -> bytes:
    return keccak(text=f"stage key of {name}")


def let_pass(name: str) -> None:
    """Two people close a breaker."""
    core_services.reset(
        name=name,
        reason="looked at",
        proposed_by=OPERATOR,
        approved_by=COLLEAGUE,
        now=timezone.now(),
    )


@dataclass
class Stage:
    """Everything a pipeline test needs, with the outside handed in."""

    anvil: Anvil
    node: ChainClient
    institution: Institution
    investor: Investor
    fund: Fund
    account: CustodyAccount
    token: Token
    holder_key: Key
    wallet: Wallet
    attestor: Key
    signers: dict[str, LocalSigner]
    world: World
    orders: list[Order] = field(default_factory=list)
    # Further chains whose blocks come with this one's.
    other_chains: list[Anvil] = field(default_factory=list)

    @property
    def reader(self) -> TokenReader:
        return TokenReader(self.node, self.token.address)

    def settle(self, shares: str, investor: Investor | None = None) -> None:
        """Put settled free shares on the investor, as a confirmation would."""
        settle(self.fund, self.account, investor or self.investor, shares)

    def terms(self, quantity: str, order_type: OrderType = OrderType.MINT, **changes) -> OrderTerms:
        terms = OrderTerms(
            type=order_type,
            investor_id=self.investor.pk,
            underlying_symbol=self.fund.symbol,
            network=NETWORK,
            quantity=parse_quantity(quantity),
            wallet_address=self.wallet.address,
        )
        return replace(terms, **changes)

    def order(
        self, quantity: str, order_type: OrderType = OrderType.MINT, reference: str = "", **changes
    ) -> Order:
        return services.create_order(
            institution_id=self.institution.pk,
            terms=self.terms(quantity, order_type, **changes),
            client_order_id=reference or str(uuid.uuid4()),
            context={},
            actor=CLIENT,
            now=timezone.now(),
        )

    def tick(self, blocks: int = 0) -> None:
        """One round of every task, then that many blocks."""
        now = timezone.now()
        recover.recover_due(world=self.world, now=now)
        holders.register_due(world=self.world, now=now)
        reserves.request_due(world=self.world, now=now)
        assign.assign_due(world=self.world, clock=timezone.now)
        advance.advance_due(world=self.world, clock=timezone.now)
        follow.follow_all(world=self.world, now=now)
        check.check_due(world=self.world, now=now)
        moves.conclude_due(now=now)
        if blocks:
            for each in [self.anvil, *self.other_chains]:
                each.mine(blocks)

    def until(self, done: Callable[[], bool], *, rounds: int = 160, wait: float = 0.01) -> None:
        """Tick and mine until ``done``; each round looks as if time had passed."""
        for _ in range(rounds):
            if done():
                return
            self.tick(blocks=1)
            self.hurry()
            time.sleep(wait if not done() else 0)
        raise AssertionError("it did not happen")

    def hurry(self) -> None:
        """Make everything that waits due now."""
        now = timezone.now()
        for model in (Order, ChainTransaction, Holder):
            waiting = model.objects.filter(next_attempt_at__gt=now)
            with transaction.atomic(durable=True):
                # What another worker holds at this instant is left alone.
                free = waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)
                model.objects.filter(pk__in=list(free)).update(next_attempt_at=now)

    def ready(self) -> "Stage":
        """Registered on chain and attested."""
        self.until(
            lambda: (
                Holder.objects.filter(token=self.token, status="REGISTERED").exists()
                and Token.objects.get(pk=self.token.pk).attested_units > 0
                and not queries.attestation_on_its_way(token_id=self.token.pk)
            )
        )
        self.token.refresh_from_db()
        return self

    def again(self, anvil: Anvil) -> Self:
        """The same on a copy of the chain; only keys, which nothing changes, are shared."""
        node = ChainClient(NETWORK, [anvil.url], anvil.chain_id)
        signers = dict(self.signers)
        return replace(
            self,
            anvil=anvil,
            node=node,
            institution=Institution.objects.get(pk=self.institution.pk),
            investor=Investor.objects.get(pk=self.investor.pk),
            fund=Fund.objects.get(pk=self.fund.pk),
            account=CustodyAccount.objects.get(pk=self.account.pk),
            token=Token.objects.get(pk=self.token.pk),
            wallet=Wallet.objects.get(pk=self.wallet.pk),
            signers=signers,
            world=outside(node, signers, self.attestor),
            orders=[],
            other_chains=[],
        )


def approve(investor: Investor, *, residence: str = "CH", now: datetime | None = None) -> None:
    """The facts that the policies ask about a natural person."""
    now = now or timezone.now()
    for name in ("residence", "nationality", "tax_residence", "bank_country"):
        Fact.objects.create(
            investor=investor,
            name=name,
            value=f'["{residence}"]',
            source="declared",
            valid_from=now - timedelta(days=1),
            recorded_at=now - timedelta(days=1),
        )


def build(anvil: Anvil, shares: str = "1000") -> Stage:
    """A stage with ``shares`` settled and nothing on chain but the token."""
    now = timezone.now()
    node = ChainClient(NETWORK, [anvil.url], anvil.chain_id)
    institution = custody_rows.make_institution()
    investor = custody_rows.make_investor(institution, kyc_expires_at=now + timedelta(days=365))
    approve(investor)
    fund = custody_rows.make_fund()
    attestor = Key(secret("attestor"))
    account = custody_rows.make_account(
        custody_rows.make_custodian(attestor_address=attestor.address)
    )
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
    token, signers = deploy(anvil, node, attestor, fund)
    holder_key = Key(secret("holder"))
    anvil.set_balance(holder_key.address, 100 * ETHER)
    wallet = make_wallet(investor, holder_key.address)
    stage = Stage(
        anvil=anvil,
        node=node,
        institution=institution,
        investor=investor,
        fund=fund,
        account=account,
        token=token,
        holder_key=holder_key,
        wallet=wallet,
        attestor=attestor,
        signers=signers,
        world=outside(node, signers, attestor),
    )
    stage.settle(shares)
    return stage


def outside(node: ChainClient, signers: Mapping[str, LocalSigner], attestor: Key) -> World:
    """What the pipeline is handed of the world around it."""
    return World(
        chain_for=lambda _: node,
        key_for=lambda address: signers[address],
        attest=lambda _, request: sign_figure(attestor, node, request),
    )


def settle(fund: Fund, account: CustodyAccount, investor: Investor, shares: str) -> None:
    """Free shares, as a settled confirmation makes them."""
    with transaction.atomic(durable=True):
        ledger.open_investor(fund=fund, custody_account=account, investor_id=investor.pk)
        post(
            Posting(
                key=str(uuid.uuid4()),
                kind=TransferKind.SETTLE,
                fund_id=fund.pk,
                custody_account_id=account.pk,
                source=(Bucket.EXTERNAL, None),
                destination=(Bucket.FREE, investor.pk),
                quantity=parse_quantity(shares),
                cause="test",
                made_by=str(TEST),
            ),
            now=timezone.now(),
        )


def make_wallet(investor: Investor, address: str, **changes) -> Wallet:
    moment = timezone.now() - timedelta(days=2)
    fields = {
        "id": new_uuid(),
        "created_at": moment,
        "investor": investor,
        "network": NETWORK,
        "address": address,
        "status": "PROVED",
        "proved_at": moment,
        "usable_at": moment,
    }
    return Wallet.objects.create(**fields | changes)


def deploy(
    anvil: Anvil, node: ChainClient, attestor: Key, fund: Fund, *, keys_of: str = ""
) -> tuple[Token, dict[str, LocalSigner]]:
    roles = ("DEPLOYER", "ISSUER", "COMPLIANCE", "PAUSER")
    keys = {role: secret(role + keys_of) for role in roles}
    addresses = {role: Key(each).address for role, each in keys.items()}
    for address in addresses.values():
        anvil.set_balance(address, 100 * ETHER)
    plan = TokenPlan(
        name=f"Sharemint {fund.symbol}",
        symbol=f"s{fund.symbol}",
        admin=addresses["DEPLOYER"],
        issuer=addresses["ISSUER"],
        attestor=attestor.address,
        compliance=addresses["COMPLIANCE"],
        pauser=addresses["PAUSER"],
        upgrader=addresses["DEPLOYER"],
        restricted=(156,),
    )
    permission = Permission(node.chain_id, DEPLOYER)
    deployer = LocalSigner(keys["DEPLOYER"], policies=SignerPolicy(frozenset({permission})))
    deployed = deploy_token(client=node, signer=deployer, plan=plan)
    token = take_into_service(node, plan, deployed, fund)
    return token, enrol(node, keys, deployed.address)


def enrol(node: ChainClient, keys: dict[str, bytes], contract: str) -> dict[str, LocalSigner]:
    """The hot keys as rows, and as signers that may call the contract."""
    signers = {}
    for role in SignerRole:
        permission = Permission(node.chain_id, str(role), contract)
        signer = LocalSigner(keys[role], policies=SignerPolicy(frozenset({permission})))
        signers[signer.address] = signer
        services.register_signer(
            network=node.network,
            chain_id=node.chain_id,
            address=signer.address,
            role=role,
            chain_nonce=node.nonce(signer.address, at="latest"),
            actor=TEST,
            now=timezone.now(),
        )
    return signers


def take_into_service(
    node: ChainClient, plan: TokenPlan, deployed: Deployment, fund: Fund
) -> Token:
    return services.register_token(
        underlying_symbol=fund.symbol,
        contract=DeployedContract(
            network=node.network,
            chain_id=node.chain_id,
            address=deployed.address,
            name=plan.name,
            symbol=plan.symbol,
            block=deployed.block_number,
            attestor_address=plan.attestor,
            attestation_age_seconds_max=plan.max_age_minutes * 60,
        ),
        actor=TEST,
        now=timezone.now(),
    )


def sign_figure(attestor: Key, node: ChainClient, request: AttestationRequest) -> SignedAttestation:
    report = f"{request.isin}: {request.shares}"
    figure = chain.Attestation(
        shares=request.shares,
        as_of=node.head().timestamp,
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
