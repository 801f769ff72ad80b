"""secp256k1 as key services speak of it: DER signatures, SubjectPublicKeyInfo, high and low s."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    load_der_public_key,
    load_pem_public_key,
)
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from issuance.chain.errors import SignerAnswerInvalid, SignerKeyMismatch

# The order of the curve's group.
ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_WORD: Final = 32


def signature_from_der(der: bytes) -> tuple[int, int]:
    """r and the low s of an ASN.1 DER signature. Raises SignerAnswerInvalid."""
    try:
        r, s = decode_dss_signature(der)
    except ValueError:
        raise SignerAnswerInvalid("the signature is not DER") from None
    return canonical(r, s)


def canonical(r: int, s: int) -> tuple[int, int]:
    """r and the lower of the two s that verify; chains refuse the higher (EIP-2).

    Raises SignerAnswerInvalid outside the group's range.
    """
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise SignerAnswerInvalid("the signature is out of the curve's range")
    return r, min(s, ORDER - s)


def address_of_der(der: bytes) -> str:
    """The address of a SubjectPublicKeyInfo. Raises SignerAnswerInvalid or SignerKeyMismatch."""
    try:
        return _address(load_der_public_key(der))
    except (ValueError, UnsupportedAlgorithm):
        raise SignerAnswerInvalid("the public key is not DER") from None


def address_of_pem(pem: bytes) -> str:
    """The address of a public key in PEM. Raises SignerAnswerInvalid or SignerKeyMismatch."""
    try:
        return _address(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise SignerAnswerInvalid("the public key is not PEM") from None


def address_of_point(point: bytes) -> str:
    """The address of an uncompressed point without its prefix."""
    return to_checksum_address(keccak(point)[-20:])


def require_address(found: str, wanted: str) -> None:
    """Raises SignerKeyMismatch when the service's key is another one than we were told."""
    if found.lower() != wanted.lower():
        raise SignerKeyMismatch(f"the key belongs to {found}, not to {wanted}")


def _address(key: object) -> str:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256K1):
        raise SignerKeyMismatch("the key is not on secp256k1")
    numbers = key.public_numbers()
    return address_of_point(numbers.x.to_bytes(_WORD) + numbers.y.to_bytes(_WORD))
