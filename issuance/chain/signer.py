"""Signers: a key in memory and the list of what it may sign."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address

from issuance.chain import erc3643, timelock, token
from issuance.chain.errors import SignerRefused
from issuance.chain.signing import sign_with
from issuance.chain.types import SignedTransaction, UnsignedCall

POLICY_FILE: Final = "policy.json"
# EIP-7825: no chain takes a transaction above this.
GAS_MAX: Final = 16_777_216
_SELECTOR_BYTES = 4

_ROLE_SELECTORS: Final = {
    "ISSUER": token.ISSUER_SELECTORS,
    "COMPLIANCE": token.COMPLIANCE_SELECTORS,
    "PAUSER": token.PAUSER_SELECTORS,
    "ADMIN": token.ADMIN_SELECTORS,
    # Their contract is the timelock, which is the token's admin and upgrader.
    "PROPOSER": timelock.PROPOSER_SELECTORS,
    "EXECUTOR": timelock.EXECUTOR_SELECTORS,
    # At an ERC-3643 token, where one agent's role would allow everything.
    "ERC3643_ISSUER": erc3643.ISSUER_SELECTORS,
    "ERC3643_COMPLIANCE": erc3643.COMPLIANCE_SELECTORS,
}
DEPLOYER: Final = "DEPLOYER"


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a key may do: play a role at one contract of one chain.

    DEPLOYER may create contracts on the chain and has no contract. ``wallet`` belongs to
    ERC3643_ISSUER: the only account whose tokens the key may burn or send away.
    """

    chain_id: int
    role: str
    contract: str | None = None
    wallet: str | None = None


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """What one key may sign. Nothing is allowed that no permission names."""

    permissions: frozenset[Permission]

    def require(self, unsigned: UnsignedCall, *, sender: str = "") -> None:
        """Raises SignerRefused unless a permission covers the call.

        A key may always fill a nonce on a chain it signs for: to itself, without data or value.
        """
        if unsigned.gas > GAS_MAX or unsigned.value != 0:
            raise SignerRefused("gas above the protocol's limit, or value attached")
        if _is_fill(unsigned, sender) and any(
            permission.chain_id == unsigned.chain_id for permission in self.permissions
        ):
            return
        if not any(_covers(permission, unsigned) for permission in self.permissions):
            selector = unsigned.data[:_SELECTOR_BYTES].hex()
            raise SignerRefused(f"chain {unsigned.chain_id}, {unsigned.to}, 0x{selector}")


class PolicyFile:
    """The permissions of every key in a keystore directory, beside the keys and not in the database.

    Whoever can only write to the database cannot point a key at another contract.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / POLICY_FILE

    def policy_of(self, address: str) -> SignerPolicy:
        """The permissions of one key, read afresh; a key without an entry may sign nothing."""
        rows = self._read().get(to_checksum_address(address), [])
        return SignerPolicy(frozenset(_permission(row) for row in rows))

    def permit(self, address: str, permissions: Iterable[Permission]) -> None:
        """Add permissions of a key."""
        document = self._read()
        known = self.policy_of(address).permissions
        rows = sorted(
            known | set(permissions),
            key=lambda p: (p.chain_id, p.role, p.contract or "", p.wallet or ""),
        )
        document[to_checksum_address(address)] = [
            {"chain_id": row.chain_id, "role": row.role, "contract": row.contract}
            | ({"wallet": row.wallet} if row.wallet else {})
            for row in rows
        ]
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(document, indent=1, sort_keys=True))
        draft.replace(self._path)

    def _read(self) -> dict[str, list[dict[str, Any]]]:
        try:
            document = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise SignerRefused(f"{POLICY_FILE} is not JSON") from error
        if not isinstance(document, dict):
            raise SignerRefused(f"{POLICY_FILE} is not an object")
        return document


class LocalSigner:
    """A key in this process's memory, from an encrypted file."""

    def __init__(self, key: bytes, *, policies: PolicyFile | SignerPolicy) -> None:
        self._key = PrivateKey(key)
        self._address = self._key.public_key.to_checksum_address()
        self._policies = policies

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    @property
    def address(self) -> str:
        """The key's EIP-55 address."""
        return self._address

    def sign(self, unsigned: UnsignedCall) -> SignedTransaction:
        """Sign what the policy allows.

        Raises SignerRefused or WrongSignature. The same call gives the same bytes (RFC 6979), but
        callers store the bytes and never rely on it.
        """
        policies = self._policies
        policy = (
            policies if isinstance(policies, SignerPolicy) else policies.policy_of(self.address)
        )
        policy.require(unsigned, sender=self.address)
        return sign_with(self._key, unsigned)


def _permission(row: dict[str, Any]) -> Permission:
    try:
        return Permission(
            int(row["chain_id"]), str(row["role"]), row["contract"], row.get("wallet")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SignerRefused(f"{POLICY_FILE} has a broken entry") from error


def _is_fill(unsigned: UnsignedCall, sender: str) -> bool:
    return bool(sender) and unsigned.to == sender and not unsigned.data


def _covers(permission: Permission, unsigned: UnsignedCall) -> bool:
    if permission.chain_id != unsigned.chain_id:
        return False
    if permission.role == DEPLOYER:
        return unsigned.to is None
    if unsigned.to is None or permission.contract is None:
        return False
    if permission.role == "ERC3643_ISSUER" and not erc3643.takes_only_from(
        unsigned.data, wallet=permission.wallet
    ):
        return False
    return permission.contract.lower() == unsigned.to.lower() and unsigned.data[
        :_SELECTOR_BYTES
    ] in _ROLE_SELECTORS.get(permission.role, frozenset())
