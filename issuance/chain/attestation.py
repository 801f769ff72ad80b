"""The custodian's EIP-712 reserve figure: its digest, and who signed it."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from issuance.chain.errors import WrongSignature
from issuance.chain.types import Attestation

_DOMAIN_TYPE: Final = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_STRUCT_TYPE: Final = keccak(text="Attestation(uint256 shares,uint40 asOf,bytes32 reportHash)")
_VERSION: Final = keccak(text="1")
_SIGNATURE_BYTES: Final = 65


@dataclass(frozen=True, slots=True)
class TokenDomain:
    """What ties a signature to one token on one chain."""

    name: str
    chain_id: int
    contract: str


def digest(attestation: Attestation, domain: TokenDomain) -> bytes:
    """The 32 bytes the custodian's key signs."""
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN_TYPE, keccak(text=domain.name), _VERSION, domain.chain_id, domain.contract],
        )
    )
    report_hash = bytes.fromhex(attestation.report_hash.removeprefix("0x"))
    struct = keccak(
        encode(
            ["bytes32", "uint256", "uint40", "bytes32"],
            [_STRUCT_TYPE, attestation.shares, attestation.as_of, report_hash],
        )
    )
    return keccak(b"\x19\x01" + separator + struct)


def recover(attestation: Attestation, domain: TokenDomain, signature: bytes) -> str:
    """The address whose key made a 65-byte signature.

    Raises WrongSignature when the bytes are no signature at all. A contract wallet's signature
    (ERC-1271) can be judged by the token only.
    """
    if len(signature) != _SIGNATURE_BYTES:
        raise WrongSignature("not an ECDSA signature")
    try:
        signer = Account._recover_hash(digest(attestation, domain), signature=signature)  # noqa: SLF001 - the one door for a ready digest
    except (BadSignature, ValidationError, ValueError, TypeError) as error:
        raise WrongSignature("not an ECDSA signature") from error
    return str(signer)
