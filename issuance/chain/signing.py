"""From an unsigned call to bytes, and the proof that the bytes are what was asked for."""

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_account.types import TransactionDictType
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.main import lazy_key_api
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from issuance.chain.errors import WrongSignature
from issuance.chain.types import SignedTransaction, UnsignedCall


def _require_fast_curve() -> None:
    """Pure Python signs ten times slower; better no worker than a crawling one."""
    is_fast = isinstance(lazy_key_api.backend, CoinCurveECCBackend)
    if not is_fast:
        raise ImportError("eth-keys does not use coincurve: install it, unset ECC_BACKEND_CLASS")


_require_fast_curve()


def sign_with(account: LocalAccount, unsigned: UnsignedCall) -> SignedTransaction:
    """Sign with a key in memory. Raises WrongSignature when the result is not what was asked for."""
    signed = account.sign_transaction(_fields(unsigned))
    raw = bytes(signed.raw_transaction)
    return verify_signed(raw, unsigned=unsigned, sender=str(account.address))


def verify_signed(raw: bytes, *, unsigned: UnsignedCall, sender: str) -> SignedTransaction:
    """Prove that signed bytes carry exactly the requested fields and the expected sender.

    Raises WrongSignature. Every signer's answer passes here before anybody stores it.
    """
    try:
        carried = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        recovered = str(Account.recover_transaction(raw))
    except Exception as error:  # the bytes may come from a remote signer: any failure is a refusal
        raise WrongSignature("not a typed transaction") from error
    if recovered != sender:
        raise WrongSignature(f"signed by {recovered}, not by {sender}")
    for name, value in _fields(unsigned).items():
        if _plain(carried.get(name)) != _plain(value):
            raise WrongSignature(f"the signed {name} is not the requested one")
    tx_hash = f"0x{keccak(raw).hex()}"
    return SignedTransaction(raw=raw, hash=tx_hash, sender=sender, nonce=unsigned.nonce)


def _fields(unsigned: UnsignedCall) -> TransactionDictType:
    fields: TransactionDictType = {
        "type": 2,
        "chainId": unsigned.chain_id,
        "nonce": unsigned.nonce,
        "gas": unsigned.gas,
        "maxFeePerGas": unsigned.fees.max_fee,
        "maxPriorityFeePerGas": unsigned.fees.tip,
        "value": unsigned.value,
        "data": unsigned.data,
        "accessList": (),
    }
    # An absent receiver means that a contract is created.
    return fields if unsigned.to is None else fields | {"to": to_checksum_address(unsigned.to)}


def _plain(value: object) -> object:
    """One spelling for what the library gives as bytes, hex text, int or nothing."""
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return value
