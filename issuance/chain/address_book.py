"""What was deployed where: a JSON file per chain, and the proof that the chain still agrees.

The files lie beside the keys and not in the database. A difference is never overwritten.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from issuance.chain import contracts
from issuance.chain.client import ChainClient
from issuance.chain.deploy import Deployment, TokenPlan, implementation_of, verify_rules
from issuance.chain.durable import exclusive, read_object, replace_object
from issuance.chain.errors import AddressBookDiffers, BytecodeMismatch, NotInAddressBook


@dataclass(frozen=True, slots=True)
class Entry:
    """One token of one chain: where it is, the code it runs, and the plan it was made by."""

    network: str
    chain_id: int
    proxy: str
    implementation: str
    code_hash: str
    block_number: int
    tx_hash: str
    plan: TokenPlan


def describe(*, client: ChainClient, deployment: Deployment, plan: TokenPlan) -> Entry:
    """The entry of a token that was deployed and verified a moment ago."""
    return Entry(
        network=client.network,
        chain_id=client.chain_id,
        proxy=deployment.address,
        implementation=deployment.implementation,
        code_hash=code_hash(client, deployment.implementation),
        block_number=deployment.block_number,
        tx_hash=deployment.tx_hash,
        plan=plan,
    )


def code_hash(client: ChainClient, address: str) -> str:
    """The hash of the code at an address."""
    return f"0x{keccak(client.code(address)).hex()}"


def verify_entry(*, client: ChainClient, entry: Entry) -> None:
    """Compare the chain with what was recorded: code, implementation, roles, countries, limits.

    Raises AddressBookDiffers, BytecodeMismatch, RoleMissing, or another ChainError: unknown.
    """
    if client.chain_id != entry.chain_id:
        raise AddressBookDiffers(f"recorded for chain {entry.chain_id}, not {client.chain_id}")
    if not contracts.runs_our_code("EtfTokenProxy", client.code(entry.proxy)):
        raise BytecodeMismatch(f"{entry.proxy} is not our proxy")
    running = implementation_of(client, entry.proxy)
    if running != entry.implementation:
        raise AddressBookDiffers(f"{entry.proxy} runs {running}, not {entry.implementation}")
    if code_hash(client, running) != entry.code_hash:
        raise BytecodeMismatch(f"the code at {running} is not the recorded one")
    verify_rules(client=client, address=entry.proxy, plan=entry.plan)


class AddressBook:
    """The entries of every chain, by chain id and the token's symbol."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def entry(self, *, chain_id: int, symbol: str) -> Entry:
        """One token's entry. Raises NotInAddressBook or AddressBookDiffers (unreadable)."""
        row = self._read(chain_id).get(symbol)
        if row is None:
            raise NotInAddressBook(f"{symbol} on chain {chain_id}")
        try:
            plan = row["plan"] | {"restricted": tuple(row["plan"]["restricted"])}
            return Entry(**row | {"plan": TokenPlan(**plan)})
        except (KeyError, TypeError) as error:
            raise AddressBookDiffers(f"{self._path(chain_id).name} has a broken entry") from error

    def record(self, entry: Entry) -> None:
        """Add a token. Raises AddressBookDiffers when its symbol is taken on this chain."""
        with exclusive(self._path(entry.chain_id)):
            rows = self._read(entry.chain_id)
            if entry.plan.symbol in rows:
                raise AddressBookDiffers(
                    f"{entry.plan.symbol} is at {rows[entry.plan.symbol]['proxy']}"
                )
            self._write(entry.chain_id, rows | {entry.plan.symbol: asdict(entry)})

    def settle(self, entry: Entry, *, block_number: int) -> Entry:
        """Record the block that a token was created in for good; returns the entry with it."""
        settled = replace(entry, block_number=block_number)
        self._replace(settled)
        return settled

    def strike(self, entry: Entry) -> None:
        """Take out a token whose creation can never happen any more."""
        with exclusive(self._path(entry.chain_id)):
            rows = self._read(entry.chain_id)
            if rows.get(entry.plan.symbol, {}).get("tx_hash") == entry.tx_hash:
                del rows[entry.plan.symbol]
                self._write(entry.chain_id, rows)

    def upgrade(self, entry: Entry, *, client: ChainClient, implementation: str) -> Entry:
        """Record that a token runs another implementation, as the chain shows it.

        Raises AddressBookDiffers when it does not, BytecodeMismatch when the code is not ours.
        """
        if implementation_of(client, entry.proxy) != implementation:
            raise AddressBookDiffers(f"{entry.proxy} does not run {implementation}")
        if not contracts.runs_our_code("EtfToken", client.code(implementation)):
            raise BytecodeMismatch(f"{implementation} is not our token")
        newer = replace(
            entry, implementation=implementation, code_hash=code_hash(client, implementation)
        )
        verify_entry(client=client, entry=newer)
        self._replace(newer)
        return newer

    def _replace(self, entry: Entry) -> None:
        with exclusive(self._path(entry.chain_id)):
            rows = self._read(entry.chain_id) | {entry.plan.symbol: asdict(entry)}
            self._write(entry.chain_id, rows)

    def _path(self, chain_id: int) -> Path:
        return self._directory / f"{chain_id}.json"

    def _read(self, chain_id: int) -> dict[str, Any]:
        path = self._path(chain_id)
        try:
            return read_object(path)
        except ValueError as error:
            raise AddressBookDiffers(f"{path.name} is {error}") from error

    def _write(self, chain_id: int, rows: dict[str, Any]) -> None:
        replace_object(self._path(chain_id), rows)
