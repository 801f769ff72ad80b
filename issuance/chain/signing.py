"""From an unsigned call to the bytes of an EIP-1559 transaction, and the proof that they match.

It encodes by itself (EIP-2718, type 2): eth-account's general path costs several times as much,
and a fixed shape makes the proof a comparison of fields.
"""

from typing import Final

from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_keys.main import lazy_key_api
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError as SignatureMalformed
from rlp.codec import decode, encode_raw  # type: ignore[import-untyped]  # it ships no types
from rlp.exceptions import RLPException  # type: ignore[import-untyped]  # as above

from issuance.chain.errors import WrongSignature
from issuance.chain.types import SignedTransaction, UnsignedCall

_TYPE: Final = b"\x02"
_SIGNATURE_FIELDS: Final = 3
_FIELDS: Final = (
    "chain_id",
    "nonce",
    "tip",
    "max_fee",
    "gas",
    "to",
    "value",
    "data",
    "access_list",
)
_Item = bytes | list[bytes]


def _require_fast_curve() -> None:
    """Pure Python signs ten times slower; better no worker than a crawling one."""
    is_fast = isinstance(lazy_key_api.backend, CoinCurveECCBackend)
    if not is_fast:
        raise ImportError("eth-keys does not use coincurve: install it, unset ECC_BACKEND_CLASS")


_require_fast_curve()


def sign_with(key: PrivateKey, unsigned: UnsignedCall) -> SignedTransaction:
    """Sign with a key in memory; the result has passed verify_signed."""
    sender = key.public_key.to_checksum_address()
    return verify_signed(sign_raw(key, unsigned), unsigned=unsigned, sender=sender)


def sign_raw(key: PrivateKey, unsigned: UnsignedCall) -> bytes:
    """Sign with a key in memory; nothing is proven yet."""
    fields = _encoded(unsigned)
    signature = key.sign_msg_hash(keccak(_TYPE + encode_raw(fields)))
    return _sealed(fields, signature.vrs)


def payload_of(unsigned: UnsignedCall) -> bytes:
    """The bytes whose keccak-256 a signature covers."""
    return bytes(_TYPE + encode_raw(_encoded(unsigned)))


def seal(unsigned: UnsignedCall, *, r: int, s: int, sender: str) -> bytes:
    """The transaction's bytes from a signature that came without its parity.

    Raises WrongSignature when neither parity gives the sender.
    """
    fields = _encoded(unsigned)
    digest = keccak(_TYPE + encode_raw(fields))
    found = []
    for parity in (0, 1):
        try:
            public = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
        except (BadSignature, SignatureMalformed):
            continue
        found.append(public.to_checksum_address())
        if found[-1].lower() == sender.lower():
            return _sealed(fields, (parity, r, s))
    raise WrongSignature(f"signed by {' or '.join(found) or 'no key'}, not by {sender}")


def verify_signed(raw: bytes, *, unsigned: UnsignedCall, sender: str) -> SignedTransaction:
    """Prove that signed bytes carry exactly the requested fields and the expected sender.

    Raises WrongSignature. Every signer's answer passes here before anybody stores it.
    """
    carried, signature = _decoded(raw)
    for name, expected, found in zip(_FIELDS, _encoded(unsigned), carried, strict=True):
        if expected != found:
            raise WrongSignature(f"the signed {name} is not the requested one")
    digest = keccak(_TYPE + encode_raw(carried))
    try:
        signer = signature.recover_public_key_from_msg_hash(digest)
    except (BadSignature, SignatureMalformed) as error:
        raise WrongSignature("the signature belongs to no key") from error
    if signer.to_canonical_address() != to_canonical_address(sender):
        raise WrongSignature(f"signed by {signer.to_checksum_address()}, not by {sender}")
    tx_hash = f"0x{keccak(raw).hex()}"
    return SignedTransaction(raw=raw, hash=tx_hash, sender=sender, nonce=unsigned.nonce)


def _encoded(unsigned: UnsignedCall) -> list[_Item]:
    """The signed fields in their order, as RLP items."""
    return [
        _integer(unsigned.chain_id),
        _integer(unsigned.nonce),
        _integer(unsigned.fees.tip),
        _integer(unsigned.fees.max_fee),
        _integer(unsigned.gas),
        b"" if unsigned.to is None else to_canonical_address(unsigned.to),
        _integer(unsigned.value),
        unsigned.data,
        [],
    ]


def _sealed(fields: list[_Item], vrs: tuple[int, int, int]) -> bytes:
    return bytes(_TYPE + encode_raw([*fields, *(_integer(part) for part in vrs)]))


def _decoded(raw: bytes) -> tuple[list[_Item], Signature]:
    try:
        items = decode(raw[1:]) if raw[:1] == _TYPE else None
    except RLPException as error:
        raise WrongSignature("not RLP") from error
    if not isinstance(items, list) or len(items) != len(_FIELDS) + _SIGNATURE_FIELDS:
        raise WrongSignature("not an EIP-1559 transaction")
    tail = items[len(_FIELDS) :]
    try:
        y_parity, r, s = (int.from_bytes(part) for part in tail)
        signature = Signature(vrs=(y_parity, r, s))
    except (TypeError, BadSignature, SignatureMalformed) as error:
        raise WrongSignature("no signature") from error
    return list(items[: len(_FIELDS)]), signature


def _integer(value: int) -> bytes:
    """RLP's integer: big-endian without leading zeros, zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8)
