"""A token's governance and upgrades: the service prepares and proves, the timelock's owners decide."""

from dataclasses import dataclass

from issuance.chain import registry
from issuance.chain.address_book import Entry, verify_entry
from issuance.chain.creations import Creations, await_mined
from issuance.chain.deploy import (
    deploy_implementation,
    deploy_timelock,
    encode_upgrade,
    verify_timelock,
)
from issuance.chain.errors import CallReverted, NotInAddressBook
from issuance.chain.signer import DEPLOYER
from issuance.chain.timelock import Operation, TimelockPlan, TimelockReader
from issuance.models import Token
from issuance.pipeline.launch import (
    SignersMissing,
    address_book,
    begun_creations,
    signers_of,
    symbol_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedUpgrade:
    """New code on chain, proved, and the calls that put it into service.

    With a timelock: ``schedule`` is sent by a proposer, ``execute`` by an executor after the delay.
    Without one, the upgrader sends ``execute`` to the token itself.
    """

    implementation: str
    to: str
    operation_id: str
    schedule: str
    execute: str
    delay_seconds: int


def create_timelock(*, network: str, plan: TimelockPlan, begun: Creations | None = None) -> str:
    """Deploy a timelock that may become a token's admin; returns its address, proved.

    What ``begun`` remembers of an earlier run is not created again.
    """
    node = registry.client_for(network)
    signer = registry.signer_for(_deployer(node.chain_id))
    return deploy_timelock(client=node, signer=signer, plan=plan, begun=begun).address


def timelock_for(*, network: str, underlying_symbol: str, plan: TimelockPlan) -> str:
    """The timelock of a launch that was interrupted, else a new one.

    Raises as ``verify_timelock`` does when the recorded one is not the plan's.
    """
    node, symbol = registry.client_for(network), symbol_of(underlying_symbol)
    begun = begun_creations(chain_id=node.chain_id, undertaking=symbol)
    try:
        entry = address_book().entry(chain_id=node.chain_id, symbol=symbol)
    except NotInAddressBook:
        return create_timelock(network=network, plan=plan, begun=begun)
    for creation in begun.all():
        await_mined(node, creation)
    admin, outsiders = entry.plan.admin, (_deployer(node.chain_id),)
    verify_timelock(client=node, address=admin, plan=plan, outsiders=outsiders)
    return admin


def verify_deployment(*, token: Token) -> Entry:
    """Compare the chain with the address book and the token's row.

    Raises NotInAddressBook, AddressBookDiffers, BytecodeMismatch or RoleMissing.
    """
    node = registry.client_for(token.network)
    entry = entry_of(token)
    verify_entry(client=node, entry=entry)
    return entry


def entry_of(token: Token) -> Entry:
    """The token's entry in the address book. Raises NotInAddressBook."""
    return address_book().entry(chain_id=token.chain_id, symbol=token.symbol)


def prepare_upgrade(*, token: Token) -> PreparedUpgrade:
    """Deploy the newest code beside a token that is as recorded; nothing changes for holders yet."""
    entry = verify_deployment(token=token)
    node = registry.client_for(token.network)
    signer = registry.signer_for(_deployer(node.chain_id))
    begun = begun_creations(chain_id=node.chain_id, undertaking=f"upgrade of {token.symbol}")
    fresh = deploy_implementation(client=node, signer=signer, begun=begun)
    begun.clear()
    call = encode_upgrade(fresh)
    operation = Operation(entry.proxy, call)
    try:
        delay = TimelockReader(node, entry.plan.upgrader).delay_seconds()
    except CallReverted:  # a plain account upgrades, as in development
        return PreparedUpgrade(
            implementation=fresh,
            to=entry.proxy,
            operation_id="",
            schedule="",
            execute=f"0x{call.hex()}",
            delay_seconds=0,
        )
    return PreparedUpgrade(
        implementation=fresh,
        to=entry.plan.upgrader,
        operation_id=f"0x{operation.id.hex()}",
        schedule=f"0x{operation.encode_schedule(delay_seconds=delay).hex()}",
        execute=f"0x{operation.encode_execute().hex()}",
        delay_seconds=delay,
    )


def finish_upgrade(*, token: Token, implementation: str) -> Entry:
    """Prove that the token runs the new code under its old rules, and record it."""
    node = registry.client_for(token.network)
    return address_book().upgrade(entry_of(token), client=node, implementation=implementation)


def _deployer(chain_id: int) -> str:
    try:
        return signers_of(chain_id)[DEPLOYER]
    except KeyError:
        raise SignersMissing from None
