"""Put a token and what governs it on a chain, then prove that they are what was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address

from issuance.chain import contracts, roles, timelock
from issuance.chain.client import ChainClient
from issuance.chain.creations import Creations, create
from issuance.chain.errors import BytecodeMismatch, RoleMissing
from issuance.chain.events import decode_event
from issuance.chain.token import TokenReader
from issuance.chain.types import Receipt, RoleChanged, Signer

_INITIALIZE: Final = function_signature_to_4byte_selector(
    "initialize(string,string,uint16,uint96,uint16[],(bytes32,address)[])"
)
_UPGRADE: Final = function_signature_to_4byte_selector("upgradeToAndCall(address,bytes)")
# ERC-1967: keccak256("eip1967.proxy.implementation") - 1
_IMPLEMENTATION_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
_ADDRESS_MASK: Final = (1 << 160) - 1

# A stolen issuer key mints no more than this, twice over at most in its first day. Enough for a
# hundred million dollars of a fund at a hundred dollars a share.
MINT_LIMIT_UNITS: Final = 1_000_000 * 10**18


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """What a token should be. ``restricted`` are ISO 3166-1 numbers.

    ``max_age_minutes`` is how old an attestation may be at a mint, ``mint_limit`` the raw units that
    each issuer may mint in a day.
    """

    name: str
    symbol: str
    admin: str
    issuer: str
    attestor: str
    compliance: str
    pauser: str
    upgrader: str
    restricted: tuple[int, ...]
    max_age_minutes: int = 26 * 60
    mint_limit: int = MINT_LIMIT_UNITS

    def grants(self) -> list[tuple[bytes, str]]:
        """The roles in the order they are given."""
        return [
            (roles.ADMIN, self.admin),
            (roles.ISSUER, self.issuer),
            (roles.ATTESTOR, self.attestor),
            (roles.COMPLIANCE, self.compliance),
            (roles.PAUSER, self.pauser),
            (roles.UPGRADER, self.upgrader),
        ]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a token is and since which block; its logs start there."""

    address: str
    implementation: str
    block_number: int
    tx_hash: str


def deploy_token(
    *, client: ChainClient, signer: Signer, plan: TokenPlan, begun: Creations | None = None
) -> Deployment:
    """Create implementation and proxy, with roles and restricted countries in the same step.

    A token is never on chain without its rules: the proxy's creation initialises it. What ``begun``
    remembers of an earlier run is not created again. It is in a block when this returns, and need
    not be final. Raises ChainError, among them BytecodeMismatch and RoleMissing from the
    verification that follows.
    """
    code = contracts.artifact("EtfToken").bytecode
    implementation = create(client=client, signer=signer, code=code, begun=begun)
    arguments = encode(
        ["address", "bytes"], [implementation.contract_address, encode_initialize(plan)]
    )
    proxy_code = contracts.artifact("EtfTokenProxy").bytecode
    proxy = create(client=client, signer=signer, code=proxy_code + arguments, begun=begun)
    deployment = Deployment(
        address=str(proxy.contract_address),
        implementation=str(implementation.contract_address),
        block_number=proxy.block_number,
        tx_hash=proxy.tx_hash,
    )
    verify_token(client=client, address=deployment.address, plan=plan, receipt=proxy)
    return deployment


def deploy_implementation(
    *, client: ChainClient, signer: Signer, begun: Creations | None = None
) -> str:
    """Create the token's newest code for an upgrade; returns its address, proved."""
    code = contracts.artifact("EtfToken").bytecode
    receipt = create(client=client, signer=signer, code=code, begun=begun)
    return _proved(client, "EtfToken", receipt)


def encode_upgrade(implementation: str) -> bytes:
    """What the UPGRADER, a timelock, sends to the proxy to run another implementation."""
    return _UPGRADE + encode(["address", "bytes"], [implementation, b""])


def deploy_timelock(
    *,
    client: ChainClient,
    signer: Signer,
    plan: timelock.TimelockPlan,
    begun: Creations | None = None,
) -> Deployment:
    """Create a timelock that administers itself. Raises as ``deploy_token`` does."""
    types = ["uint256", "address[]", "address[]"]
    values = (plan.delay_seconds, list(plan.proposers), list(plan.executors))
    code = contracts.artifact("EtfTimelock").bytecode + encode(types, values)
    receipt = create(client=client, signer=signer, code=code, begun=begun)
    address = str(receipt.contract_address)
    verify_timelock(client=client, address=address, plan=plan, outsiders=(signer.address,))
    return Deployment(address, address, receipt.block_number, receipt.tx_hash)


def verify_timelock(
    *,
    client: ChainClient,
    address: str,
    plan: timelock.TimelockPlan,
    outsiders: Sequence[str] = (),
) -> None:
    """Compare a timelock with the plan: code, delay, roles; ``outsiders`` must not administer it.

    Raises BytecodeMismatch or RoleMissing.
    """
    if not contracts.runs_our_code("EtfTimelock", client.code(address)):
        raise BytecodeMismatch(f"{address} is not our timelock")
    reader = timelock.TimelockReader(client, address)
    if reader.delay_seconds() != plan.delay_seconds:
        raise RoleMissing(f"the timelock waits {reader.delay_seconds()} s")
    expected = [(timelock.ADMIN, address), *((timelock.EXECUTOR, a) for a in plan.executors)]
    for proposer in plan.proposers:
        expected += [(timelock.PROPOSER, proposer), (timelock.CANCELLER, proposer)]
    if not all(reader.has_role(role, account) for role, account in expected):
        raise RoleMissing("a role of the timelock is not the plan's")
    if any(reader.has_role(timelock.ADMIN, account) for account in outsiders):
        raise RoleMissing("the timelock has another administrator than itself")


def deploy_facade(*, client: ChainClient, signer: Signer, token: str, kyc_seconds: int) -> str:
    """Create the ERC-3643 view of a token; returns its address, proved.

    It reads at once; to write it needs the token's COMPLIANCE role, which only the admin gives.
    """
    arguments = encode(["address", "uint40"], [token, kyc_seconds])
    code = contracts.artifact("ComplianceFacade").bytecode + arguments
    return _proved(client, "ComplianceFacade", create(client=client, signer=signer, code=code))


def verify_token(
    *, client: ChainClient, address: str, plan: TokenPlan, receipt: Receipt | None = None
) -> None:
    """Compare a token on chain with the plan: code of both contracts, roles, countries, limits.

    With the creation's ``receipt`` it also proves that nobody else was given a role. Raises
    BytecodeMismatch or RoleMissing.
    """
    _verify_code(client, address)
    if receipt is not None and _granted(receipt) != set(_named(plan.grants())):
        raise RoleMissing("the creation gave roles beyond the plan")
    verify_rules(client=client, address=address, plan=plan)


def verify_rules(*, client: ChainClient, address: str, plan: TokenPlan) -> None:
    """Compare what a token enforces with the plan, whichever code it runs. Raises RoleMissing."""
    reader = TokenReader(client, address)
    for role, account in plan.grants():
        if not reader.has_role(role, account):
            raise RoleMissing(f"{roles.NAMES[role]} is not {account}")
    if any(not reader.is_restricted(country) for country in plan.restricted):
        raise RoleMissing("a country of the plan is not restricted")
    if reader.reserves().max_age != plan.max_age_minutes * 60:
        raise RoleMissing("the age limit of attestations is not the plan's")
    if reader.mint_allowance(plan.issuer).limit != plan.mint_limit:
        raise RoleMissing("the issuer's daily limit is not the plan's")


def implementation_of(client: ChainClient, proxy: str) -> str:
    """The contract whose code a proxy runs."""
    word = client.storage(proxy, _IMPLEMENTATION_SLOT) & _ADDRESS_MASK
    return to_checksum_address(f"0x{word:040x}")


def _verify_code(client: ChainClient, address: str) -> None:
    if not contracts.runs_our_code("EtfTokenProxy", client.code(address)):
        raise BytecodeMismatch(f"{address} is not our proxy")
    implementation = implementation_of(client, address)
    if not contracts.runs_our_code("EtfToken", client.code(implementation)):
        raise BytecodeMismatch(f"{implementation} is not our token")


def _proved(client: ChainClient, name: str, creation: Receipt) -> str:
    address = str(creation.contract_address)
    if not contracts.runs_our_code(name, client.code(address)):
        raise BytecodeMismatch(f"{address} is not our {name}")
    return address


def encode_initialize(plan: TokenPlan) -> bytes:
    """What the proxy's creation calls, so that a token is never without its rules."""
    types = ["string", "string", "uint16", "uint96", "uint16[]", "(bytes32,address)[]"]
    values = (
        plan.name,
        plan.symbol,
        plan.max_age_minutes,
        plan.mint_limit,
        list(plan.restricted),
        plan.grants(),
    )
    return _INITIALIZE + encode(types, values)


def _named(grants: Sequence[tuple[bytes, str]]) -> list[tuple[str, str]]:
    return [(roles.NAMES[role], to_checksum_address(account)) for role, account in grants]


def _granted(receipt: Receipt) -> set[tuple[str, str]]:
    events = [decode_event(log) for log in receipt.logs]
    return {
        (event.role, event.account)
        for event in events
        if isinstance(event, RoleChanged) and event.granted
    }
