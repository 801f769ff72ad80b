"""Putting a token into service: keys, contract, finality, verification, then the rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from core.actors import Actor
from core.errors import DomainError
from custody import queries as custody_queries
from issuance import services
from issuance.chain import registry
from issuance.chain.address_book import AddressBook, Entry, describe, verify_entry
from issuance.chain.client import ChainClient
from issuance.chain.creations import Creations, Patience, await_final
from issuance.chain.deploy import MINT_LIMIT_UNITS, TokenPlan, deploy_token, verify_token
from issuance.chain.errors import AddressBookDiffers, CreationDied, NotInAddressBook
from issuance.chain.keystore import generate_keystore, keystore_addresses
from issuance.chain.signer import DEPLOYER, Permission
from issuance.models import Token
from issuance.services.tokens import DeployedContract
from issuance.states import SignerRole

PAUSER = "PAUSER"
ADMIN = "ADMIN"
# In development one key deploys, administers and upgrades; a deployment names a timelock instead.
KEY_ROLES = (DEPLOYER, SignerRole.ISSUER, SignerRole.COMPLIANCE, PAUSER)
MINUTES_MAX_AGE = 26 * 60
# The contract keeps it in 96 bits.
MINT_LIMIT_MAX = 2**96 - 1
# Mainland China is closed on chain too: the notice knows no exception for holding.
RESTRICTED_DEFAULT = (156,)


class SignersMissing(DomainError):
    """The network has no key for a role yet."""

    code = "signers_missing"
    title = "Run create_signers for this network first."


class AttestorMissing(DomainError):
    """The custodian has named no attestation key."""

    code = "attestor_missing"
    title = "The custodian's attestation address is not known."


class AdminMissing(DomainError):
    """Outside development no key of the service becomes a token's admin or upgrader."""

    code = "admin_missing"
    title = "Name a timelock as the token's admin, or have one made."


class MintLimitInvalid(DomainError):
    """A day's mint limit is a whole number of units the contract can keep, above nothing."""

    code = "mint_limit_invalid"
    title = "The mint limit is more than 0 shares a day and fits the contract."


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to launch. Without ``admin``, in development alone, the deploying key is admin and upgrader.

    ``mint_limit`` is what each issuing key may mint in a day, in units.
    """

    underlying_symbol: str
    network: str
    admin: str = ""
    attestor: str = ""
    restricted: tuple[int, ...] = RESTRICTED_DEFAULT
    max_age_minutes: int = MINUTES_MAX_AGE
    mint_limit: int = MINT_LIMIT_UNITS


def ensure_signers(*, network: str, actor: Actor, now: datetime) -> dict[str, str]:
    """One encrypted key per role on the network, made where missing; role -> address."""
    chain_id = registry.chain_id_of(network)
    found = signers_of(chain_id)
    for role in KEY_ROLES:
        if role not in found:
            found[role] = _generate()
            registry.policy_file().permit(found[role], [Permission(chain_id, role)])
    node = registry.client_for(network)
    for hot in SignerRole:
        services.register_signer(
            network=network,
            chain_id=chain_id,
            address=found[hot],
            role=hot,
            chain_nonce=node.nonce(found[hot], at="latest"),
            actor=actor,
            now=now,
        )
    return found


def signers_of(chain_id: int) -> dict[str, str]:
    """The keys of a chain by role, as the policy file names them; role -> address."""
    directory, policies = registry.keystore_directory(), registry.policy_file()
    if not directory.exists():
        return {}
    return {
        permission.role: address
        for address in keystore_addresses(directory)
        for permission in policies.policy_of(address).permissions
        if permission.chain_id == chain_id and permission.role in KEY_ROLES
    }


def launch_token(
    *, launch: Launch, actor: Actor, clock: Callable[[], datetime], patience: Patience | None = None
) -> Token:
    """Deploy the contract, wait until it is final, prove it, and take it into service.

    Nothing is registered and no key may call the contract before its creation, with the roles it
    grants, is final: until then another block could take its place, or none. What an interrupted
    launch has begun is taken up. Raises AdminMissing, SignersMissing, AttestorMissing,
    MintLimitInvalid, CreationNotFinal when patience ends, another ChainError, and what
    ``register_token`` raises.
    """
    if not launch.admin and not settings.DEVELOPMENT:
        raise AdminMissing
    if not 0 < launch.mint_limit <= MINT_LIMIT_MAX:
        raise MintLimitInvalid(field="/mint_limit")
    node = registry.client_for(launch.network)
    keys = signers_of(node.chain_id)
    if set(KEY_ROLES) - keys.keys():
        raise SignersMissing
    plan = _plan(launch, keys)
    entry = _recorded(node, plan) or _deploy(node, plan, keys[DEPLOYER])
    final = _finalized(node, entry, patience or Patience())
    for role in (SignerRole.ISSUER, SignerRole.COMPLIANCE, PAUSER):
        permission = Permission(node.chain_id, role, final.proxy)
        registry.policy_file().permit(keys[role], [permission])
    if not launch.admin:
        permission = Permission(node.chain_id, ADMIN, final.proxy)
        registry.policy_file().permit(keys[DEPLOYER], [permission])
    return services.register_token(
        underlying_symbol=launch.underlying_symbol,
        contract=_describe(node, plan, final.proxy, final.block_number),
        actor=actor,
        now=clock(),
    )


def address_book() -> AddressBook:
    """What was deployed, a file per chain, kept beside the keys."""
    return AddressBook(registry.keystore_directory() / "addresses")


def begun_creations(*, chain_id: int, undertaking: str) -> Creations:
    """What an interrupted undertaking has begun to create: a launch has its token's symbol."""
    directory = registry.keystore_directory() / "creations"
    return Creations(directory, chain_id=chain_id, undertaking=undertaking)


def _recorded(node: ChainClient, plan: TokenPlan) -> Entry | None:
    """The contract an interrupted launch left behind, when it is what is wanted."""
    try:
        entry = address_book().entry(chain_id=node.chain_id, symbol=plan.symbol)
    except NotInAddressBook:
        return None
    if entry.plan != plan:
        raise AddressBookDiffers(f"{plan.symbol} was deployed at {entry.proxy} by another plan")
    return entry


def _deploy(node: ChainClient, plan: TokenPlan, deployer: str) -> Entry:
    begun = begun_creations(chain_id=node.chain_id, undertaking=plan.symbol)
    signer = registry.signer_for(deployer)
    deployed = deploy_token(client=node, signer=signer, plan=plan, begun=begun)
    entry = describe(client=node, deployment=deployed, plan=plan)
    address_book().record(entry)
    return entry


def _finalized(node: ChainClient, entry: Entry, patience: Patience) -> Entry:
    """The entry once its creation is final and proved, with the block it was created in for good.

    Raises CreationDied when that can never be; the book has no such entry any more then.
    """
    begun = begun_creations(chain_id=node.chain_id, undertaking=entry.plan.symbol)
    book = address_book()
    if entry.tx_hash not in {each.tx_hash for each in begun.all()}:
        # Nothing that could be sent again: waiting helps only when the contract is there.
        verify_entry(client=node, entry=entry)
    try:
        receipt = await_final(client=node, tx_hash=entry.tx_hash, begun=begun, patience=patience)
    except CreationDied:
        book.strike(entry)
        begun.drop(entry.tx_hash)
        raise
    if receipt.contract_address != entry.proxy:
        raise AddressBookDiffers(f"{entry.tx_hash} created {receipt.contract_address}")
    verify_entry(client=node, entry=entry)
    verify_token(client=node, address=entry.proxy, plan=entry.plan, receipt=receipt)
    begun.clear()
    return book.settle(entry, block_number=receipt.block_number)


def symbol_of(underlying_symbol: str) -> str:
    """The token's own symbol, under which the address book keeps it."""
    return f"s{underlying_symbol}"


def _plan(launch: Launch, keys: dict[str, str]) -> TokenPlan:
    fund = custody_queries.fund_by_symbol(launch.underlying_symbol)
    accounts = [each for each in custody_queries.accounts_of(fund.pk) if each.is_countable]
    attestor = launch.attestor or (accounts[0].custodian.attestor_address if accounts else "")
    if not attestor:
        raise AttestorMissing
    admin = launch.admin or keys[DEPLOYER]
    return TokenPlan(
        name=f"Sharemint {fund.symbol}",
        symbol=symbol_of(fund.symbol),
        admin=admin,
        issuer=keys[SignerRole.ISSUER],
        attestor=attestor,
        compliance=keys[SignerRole.COMPLIANCE],
        pauser=keys[PAUSER],
        upgrader=admin,
        restricted=launch.restricted,
        max_age_minutes=launch.max_age_minutes,
        mint_limit=launch.mint_limit,
    )


def _describe(node: ChainClient, plan: TokenPlan, address: str, block: int) -> DeployedContract:
    return DeployedContract(
        network=node.network,
        chain_id=node.chain_id,
        address=address,
        name=plan.name,
        symbol=plan.symbol,
        block=block,
        attestor_address=plan.attestor,
        attestation_age_seconds_max=plan.max_age_minutes * 60,
    )


def _generate() -> str:
    password = Path(settings.SIGNER_PASSWORD_FILE).read_text().strip()
    return generate_keystore(registry.keystore_directory(), password=password)
