"""Who signed a text: EIP-191 recovery over secp256k1, strict about malleability."""

import re

from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from core.errors import DomainError

_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_V_OFFSET = 27
_LOW_ADDRESSES = 0xFFFF  # the zero address, precompiles and their neighbours have no owner


class SignatureInvalid(DomainError):
    """The signature is malformed, malleable, or another key's."""

    code = "signature_invalid"
    title = "The signature does not prove control over the wallet."


class AddressInvalid(ValueError):
    """The text is not an account address, or its EIP-55 checksum is wrong."""


def canonical_address(text: str) -> str:
    """The EIP-55 form of an address. Raises AddressInvalid.

    All lower or all upper case is taken as written without a checksum; mixed case must match it.
    """
    if _ADDRESS.fullmatch(text) is None:
        raise AddressInvalid(text[:64])
    digits = text[2:]
    checksummed = str(to_checksum_address(f"0x{digits.lower()}"))
    if digits not in {digits.lower(), digits.upper()} and text != checksummed:
        raise AddressInvalid(text[:64])
    if int(digits, 16) <= _LOW_ADDRESSES:
        raise AddressInvalid(text[:64])
    return checksummed


def recover_signer(*, message: str, signature: str) -> str:
    """The EIP-55 address that signed ``message`` by ``personal_sign``. Raises SignatureInvalid.

    Only the low-s form is taken (EIP-2), so one signing gives one signature.
    """
    if _SIGNATURE.fullmatch(signature) is None:
        raise SignatureInvalid("Expected 65 bytes as 0x hex.", field="/signature")
    raw = bytes.fromhex(signature[2:])
    r, s, v = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64]
    recovery = v - _V_OFFSET if v >= _V_OFFSET else v
    if recovery not in {0, 1} or not 0 < r < SECPK1_N or not 0 < s <= SECPK1_N // 2:
        raise SignatureInvalid(field="/signature")
    try:
        key = Signature(vrs=(recovery, r, s)).recover_public_key_from_msg_hash(_digest(message))
    except (BadSignature, ValidationError) as broken:
        raise SignatureInvalid(field="/signature") from broken
    return str(key.to_checksum_address())


def _digest(message: str) -> bytes:
    body = message.encode()
    return bytes(keccak(b"\x19Ethereum Signed Message:\n%d%s" % (len(body), body)))
