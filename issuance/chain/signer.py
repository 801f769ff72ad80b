"""Signers: one key each, behind its policy; what the key answers is proven before it is believed."""

from typing import Protocol

from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address

from issuance.chain.permissions import DEPLOYER as DEPLOYER  # noqa: PLC0414 - part of this border
from issuance.chain.permissions import GAS_MAX as GAS_MAX  # noqa: PLC0414 - as above
from issuance.chain.permissions import Limits as Limits  # noqa: PLC0414 - as above
from issuance.chain.permissions import Permission as Permission  # noqa: PLC0414 - as above
from issuance.chain.permissions import SignerPolicy as SignerPolicy  # noqa: PLC0414 - as above
from issuance.chain.policy_file import PolicyFile as PolicyFile  # noqa: PLC0414 - as above
from issuance.chain.signing import sign_raw, verify_signed
from issuance.chain.types import SignedTransaction, UnsignedCall


class Key(Protocol):
    """Where a private key lies. It signs what it is given; the policy stands before it."""

    def sign(self, unsigned: UnsignedCall) -> bytes:
        """The signed transaction. Raises SignerError; nothing of the call has happened then."""


class PolicedSigner:
    """One key behind its policy: nothing leaves this process that the policy does not allow."""

    def __init__(self, address: str, key: Key, *, policies: PolicyFile | SignerPolicy) -> None:
        self._address = to_checksum_address(address)
        self._source = key
        self._policies = policies

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    @property
    def address(self) -> str:
        """The key's EIP-55 address."""
        return self._address

    def require(self, unsigned: UnsignedCall) -> None:
        """Raises SignerRefused when the policy forbids the call; asks the key nothing."""
        known = self._policies
        policy = known if isinstance(known, SignerPolicy) else known.policy_of(self.address)
        policy.require(unsigned, sender=self.address)

    def sign(self, unsigned: UnsignedCall) -> SignedTransaction:
        """Sign what the policy allows. Raises SignerRefused, WrongSignature or another SignerError.

        Asked twice, a key service gives different bytes for the same call: callers store the bytes.
        """
        self.require(unsigned)
        raw = self._source.sign(unsigned)
        return verify_signed(raw, unsigned=unsigned, sender=self.address)


class LocalSigner(PolicedSigner):
    """A key in this process's memory, from an encrypted file."""

    def __init__(self, key: bytes, *, policies: PolicyFile | SignerPolicy) -> None:
        # Crash and chaos tests play the key's thief with it.
        self._key = PrivateKey(key)
        address = self._key.public_key.to_checksum_address()
        super().__init__(address, _KeyInMemory(self._key), policies=policies)


class _KeyInMemory:
    """A key of this process."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def sign(self, unsigned: UnsignedCall) -> bytes:
        return sign_raw(self._key, unsigned)
