"""A deployed token on a chain of its own, with one wallet per role and a few holders."""

import time
from dataclasses import dataclass, replace

import pytest
from eth_utils.crypto import keccak

from config.devstack.anvil import Anvil
from issuance.chain import token
from issuance.chain.attestation import TokenDomain
from issuance.chain.client import ChainClient
from issuance.chain.deploy import Deployment, TokenPlan, deploy_token
from issuance.chain.events import decode_event
from issuance.chain.signer import DEPLOYER, LocalSigner, Permission, SignerPolicy
from issuance.chain.types import (
    Attestation,
    HolderEntry,
    OrderItem,
    Receipt,
    TokenEvent,
)
from issuance.chain.wallets import Wallet
from tests.issuance.chain.nodes import Liar

SWITZERLAND = 756
HONG_KONG = 344
CHINA = 156
SHARE = 10**18
ETHER = 10**18
YEAR = 365 * 86_400
NAME = "Sharemint IBIT"


def key(name: str) -> bytes:
    return keccak(text=f"test key of {name}")


@dataclass(frozen=True)
class World:
    """One token and everybody around it."""

    anvil: Anvil
    client: ChainClient
    plan: TokenPlan
    deployment: Deployment
    issuer: Wallet
    attestor: Wallet
    compliance: Wallet
    admin: Wallet
    pauser: Wallet
    alice: Wallet
    bob: Wallet

    @property
    def address(self) -> str:
        return self.deployment.address

    @property
    def reader(self) -> token.TokenReader:
        return token.TokenReader(self.client, self.address)

    @property
    def domain(self) -> TokenDomain:
        return TokenDomain(NAME, self.client.chain_id, self.address)

    def now(self) -> int:
        return self.client.head().timestamp

    def run(self, wallet: Wallet, data: bytes, *, gas: int | None = None) -> Receipt:
        """Send one call to the token; raises CallReverted when its simulation reverts."""
        tx_hash = wallet.send(self.client, to=self.address, data=data, gas=gas)
        return self.mined(tx_hash)

    def mined(self, tx_hash: str) -> Receipt:
        """The receipt; the node may answer a broadcast a moment before it has mined it."""
        deadline = time.monotonic() + 20
        while (receipt := self.client.receipt(tx_hash)) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.01)
        return receipt

    def events(self, receipt: Receipt) -> list[TokenEvent]:
        return [event for log in receipt.logs if (event := decode_event(log)) is not None]

    def attest(self, shares: int, *, as_of: int | None = None, by: Wallet | None = None) -> Receipt:
        if as_of is None:  # rising, and never in the future of a block mined in the same second
            as_of = (self.reader.reserves().as_of or self.now() - 100) + 1
        attestation = Attestation(shares, as_of, f"0x{keccak(text='report').hex()}")
        signature = (by or self.attestor).sign_attestation(attestation, self.domain)
        data = token.encode_attest(
            attestation, attestor=(by or self.attestor).address, signature=signature
        )
        return self.run(self.issuer, data)

    def register(self, *wallets: Wallet, country: int = SWITZERLAND, **changes) -> Receipt:
        entries = [HolderEntry(w.address, country, self.now() + YEAR) for w in wallets]
        entries = [replace(entry, **changes) for entry in entries]
        return self.run(self.compliance, token.encode_set_holders(entries))

    def mint(self, *orders: tuple[int, Wallet, int], gas: int | None = None) -> Receipt:
        items = [OrderItem(number, wallet.address, amount) for number, wallet, amount in orders]
        return self.run(self.issuer, token.encode_mint_batch(items), gas=gas)


def plan_for(wallets: dict[str, Wallet]) -> TokenPlan:
    return TokenPlan(
        name=NAME,
        symbol="sIBIT",
        admin=wallets["admin"].address,
        issuer=wallets["issuer"].address,
        attestor=wallets["attestor"].address,
        compliance=wallets["compliance"].address,
        pauser=wallets["pauser"].address,
        upgrader=wallets["admin"].address,
        restricted=(CHINA,),
        mint_limit=10**10 * SHARE,
    )


@pytest.fixture
def client(anvil) -> ChainClient:
    return ChainClient("anvil", [anvil.url], anvil.chain_id)


@pytest.fixture
def nodes(anvil):
    """Three nodes that tell of one chain."""
    made = [Liar(anvil.url) for _ in range(3)]
    yield made
    for node in made:
        node.stop()


@pytest.fixture
def deployer(anvil) -> LocalSigner:
    permission = Permission(anvil.chain_id, DEPLOYER)
    signer = LocalSigner(key("deployer"), policies=SignerPolicy(frozenset({permission})))
    anvil.set_balance(signer.address, 100 * ETHER)
    return signer


@pytest.fixture
def wallets(anvil) -> dict[str, Wallet]:
    names = ("admin", "issuer", "attestor", "compliance", "pauser", "alice", "bob")
    made = {name: Wallet(key(name)) for name in names}
    for wallet in made.values():
        anvil.set_balance(wallet.address, 100 * ETHER)
    return made


@pytest.fixture
def world(anvil, client, deployer, wallets):
    """A fresh token: nobody registered, nothing attested."""
    plan = plan_for(wallets)
    deployment = deploy_token(client=client, signer=deployer, plan=plan)
    people = {name: wallets[name] for name in wallets}
    return World(anvil=anvil, client=client, plan=plan, deployment=deployment, **people)


@pytest.fixture
def open_world(world):
    """A token with 1,000 attested shares and two registered holders."""
    world.attest(1_000 * SHARE)
    world.register(world.alice, world.bob)
    return world
