"""Encrypted key files (Web3 Secret Storage v3), one per address, in a directory of their own."""

import json
import os
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_utils.address import to_checksum_address

from issuance.chain.durable import keep_name
from issuance.chain.errors import KeystoreUnreadable

# scrypt's cost N. A file made by another tool is read at whatever cost it names.
SCRYPT_COST: Final = 2**15
_KEY_BYTES = 32


def generate_keystore(directory: Path, *, password: str, key: bytes | None = None) -> str:
    """Write a fresh key (or ``key``) as an encrypted file; returns its address.

    An existing file is never replaced: FileExistsError.
    """
    secret = key if key is not None else os.urandom(_KEY_BYTES)
    address = str(Account.from_key(secret).address)
    document = Account.encrypt(secret, password, kdf="scrypt", iterations=SCRYPT_COST)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = keystore_path(directory, address)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    keep_name(path)
    return address


def read_keystore(directory: Path, address: str, *, password: str) -> bytes:
    """The key of an address.

    Raises KeystoreUnreadable when the file is missing, corrupt, locked by another password, or
    holds another address's key.
    """
    path = keystore_path(directory, address)
    try:
        secret = bytes(Account.decrypt(json.loads(path.read_text()), password))
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise KeystoreUnreadable(f"{path.name}: {type(error).__name__}") from None
    if Account.from_key(secret).address != to_checksum_address(address):
        raise KeystoreUnreadable(f"{path.name}: holds another address's key")
    return secret


def keystore_path(directory: Path, address: str) -> Path:
    """Where the key file of an address lies."""
    return directory / f"{address.lower()}.json"


def keystore_addresses(directory: Path) -> list[str]:
    """The addresses that have a key file."""
    return sorted(
        to_checksum_address(path.stem) for path in directory.glob("0x" + "?" * 40 + ".json")
    )
