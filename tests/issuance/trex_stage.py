"""The stage of issuance on an attached T-REX token instead of our own."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from django.db import transaction
from django.utils import timezone

from config.devstack.anvil import Anvil
from custody import ledger
from issuance import services
from issuance.chain.attach import Wanted, inspect
from issuance.chain.client import ChainClient
from issuance.chain.erc3643 import Erc3643Reader, encode_transfer
from issuance.chain.signer import LocalSigner, Permission, SignerPolicy
from issuance.chain.wallets import Wallet as Key
from issuance.models import Holder, Order, Token
from issuance.pipeline.world import World
from issuance.services.tokens import Attached, DeployedContract
from issuance.states import SignerRole
from tests.custody import rows as custody_rows
from tests.issuance import stage as stages
from tests.issuance import trex
from tests.issuance.stage import NETWORK, TEST, Stage, secret


@dataclass(kw_only=True)
class TRexStage(Stage):
    """A stage whose token is somebody else's contract."""

    suite: trex.Suite
    redemption: Key

    @property
    def reader(self) -> Erc3643Reader:  # type: ignore[override]  # another contract's views
        return Erc3643Reader(self.node, self.token.address)

    def ready(self) -> "TRexStage":
        """The wallet verified in the registry and confirmed in ours."""
        self.suite.verify(self.wallet.address)
        registered = Holder.objects.filter(token=self.token, status="REGISTERED")
        self.until(registered.exists)
        return self

    def again(self, anvil: Anvil) -> Self:
        """As of any stage; the suite has moved with the chain."""
        made = super().again(anvil)
        world = replace(made.world, attest=never_asked)
        return replace(made, world=world, suite=self.suite.on(anvil))

    def send_back(self, order: Order, amount: int | None = None) -> str:
        """The holder's own step of a redemption."""
        data = encode_transfer(receiver=self.redemption.address, amount=amount or order.quantity)
        return self.holder_key.send(self.node, to=self.token.address, data=data)


def build(anvil: Anvil, shares: str = "1000") -> TRexStage:
    """A stage with ``shares`` settled, a T-REX suite, and its token attached."""
    now = timezone.now()
    node = ChainClient(NETWORK, [anvil.url], anvil.chain_id)
    institution = custody_rows.make_institution()
    investor = custody_rows.make_investor(institution, kyc_expires_at=now + timedelta(days=365))
    stages.approve(investor)
    fund = custody_rows.make_fund()
    account = custody_rows.make_account(custody_rows.make_custodian())
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
    suite = trex.deploy(anvil)
    redemption = trex.wallet(anvil, secret("redemption"))
    holder_key = trex.wallet(anvil, secret("holder"))
    suite.verify(redemption.address)
    signers = enrol(suite, node, redemption.address)
    token = attach(suite, node, fund.symbol, redemption.address, list(signers))
    made = TRexStage(
        anvil=anvil,
        node=node,
        institution=institution,
        investor=investor,
        fund=fund,
        account=account,
        token=token,
        holder_key=holder_key,
        wallet=stages.make_wallet(investor, holder_key.address),
        attestor=redemption,
        signers=signers,
        world=World(
            chain_for=lambda _: node,
            key_for=lambda address: signers[address],
            attest=never_asked,
        ),
        suite=suite,
        redemption=redemption,
    )
    made.settle(shares)
    return made


def enrol(suite: trex.Suite, node: ChainClient, wallet: str) -> dict[str, LocalSigner]:
    """Our hot keys: rows, agents of the token, and signers that may do what they must there."""
    signers = {}
    for role in (SignerRole.ISSUER, SignerRole.COMPLIANCE):
        key = trex.wallet(suite.anvil, secret(role))
        suite.appoint(key.address)
        taken = wallet if role == SignerRole.ISSUER else None
        permission = Permission(node.chain_id, f"ERC3643_{role}", suite.address, taken)
        signers[key.address] = LocalSigner(
            secret(role), policies=SignerPolicy(frozenset({permission}))
        )
        services.register_signer(
            network=NETWORK,
            chain_id=node.chain_id,
            address=key.address,
            role=role,
            chain_nonce=0,
            actor=TEST,
            now=timezone.now(),
        )
    return signers


def attach(
    suite: trex.Suite, node: ChainClient, symbol: str, wallet: str, agents: list[str]
) -> Token:
    suite.anvil.mine(5)
    wanted = Wanted(
        address=suite.address,
        redemption_wallet=wallet,
        agents=agents,
        other_agents=[suite.owner.account],
        first_block=0,
    )
    found = inspect(client=node, wanted=wanted)
    return services.register_token(
        underlying_symbol=symbol,
        contract=DeployedContract(
            network=NETWORK,
            chain_id=node.chain_id,
            address=suite.address,
            name=found.name,
            symbol=found.symbol,
            block=0,
            attestor_address="",
            attestation_age_seconds_max=0,
            attached=Attached(
                redemption_wallet=wallet,
                supply=found.supply,
                block=found.block.number,
                watched=found.watched,
            ),
        ),
        actor=TEST,
        now=timezone.now(),
    )


def never_asked(*_: object):
    raise AssertionError("no attestation is asked for a token without a cap")
