"""Columns that are ciphertext at rest: AES-256-GCM under a key ring, bound to their column."""

import base64
import hashlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

_FORMAT = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _KEY_ID_BYTES


class CiphertextInvalid(Exception):
    """The stored bytes are not ours, were moved from another column, or their key is gone."""


def encrypt(plain: bytes, *, purpose: str) -> bytes:
    """Seal ``plain`` under the newest key: format, key id, nonce, ciphertext with tag.

    ``purpose`` names the column; the same bytes do not open under another purpose.
    """
    key_id, cipher = next(iter(_ring(tuple(settings.ENCRYPTION_KEYS)).items()))
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + key_id + nonce + cipher.encrypt(nonce, plain, purpose.encode())


def decrypt(sealed: bytes, *, purpose: str) -> bytes:
    """Open what ``encrypt`` sealed. Raises CiphertextInvalid."""
    cipher = _ring(tuple(settings.ENCRYPTION_KEYS)).get(sealed[len(_FORMAT) : _HEAD_BYTES])
    if sealed[: len(_FORMAT)] != _FORMAT or cipher is None:
        raise CiphertextInvalid(purpose)
    nonce = sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], purpose.encode())
    except InvalidTag as broken:
        raise CiphertextInvalid(purpose) from broken


def key_id(sealed: bytes) -> str:
    """The hex id of the key that sealed these bytes, for a sweep that re-encrypts old rows."""
    return sealed[len(_FORMAT) : _HEAD_BYTES].hex()


@lru_cache(maxsize=4)
def _ring(encoded: tuple[str, ...]) -> dict[bytes, AESGCM]:
    ring: dict[bytes, AESGCM] = {}
    for text in encoded:
        key = base64.b64decode(text, validate=True)
        if len(key) != _KEY_BYTES:
            raise ValueError("each of ENCRYPTION_KEYS must be base64 of 32 bytes")
        ring.setdefault(hashlib.sha256(key).digest()[:_KEY_ID_BYTES], AESGCM(key))
    if not ring:
        raise ValueError("ENCRYPTION_KEYS is empty")
    return ring


if TYPE_CHECKING:
    _AnyField = models.Field[Any, Any]
else:  # Django's fields take type arguments in the stubs only
    _AnyField = models.Field


class EncryptedBinary(_AnyField):
    """A ``bytea`` column that is plain ``bytes`` in Python and ciphertext in the database."""

    description = "Encrypted bytes"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bytea"

    def from_db_value(self, value: bytes | None, *_: object) -> object:
        return None if value is None else self._open(bytes(value))

    def get_prep_value(self, value: object) -> bytes | None:
        return None if value is None else encrypt(self._encode(value), purpose=self._purpose())

    def get_lookup(self, lookup_name: str) -> "type[models.Lookup[bytes]] | None":
        # Every ciphertext differs, so a comparison could never match; refuse it instead.
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def _purpose(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def _open(self, sealed: bytes) -> object:
        return decrypt(sealed, purpose=self._purpose())

    def _encode(self, value: object) -> bytes:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise TypeError(f"{self.name} must be bytes, not {type(value).__name__}")
        return bytes(value)


class EncryptedTextField(EncryptedBinary):
    """A text column that is ciphertext in the database."""

    description = "Encrypted text"

    def _open(self, sealed: bytes) -> str:
        return decrypt(sealed, purpose=self._purpose()).decode()

    def _encode(self, value: object) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"{self.name} must be str, not {type(value).__name__}")
        return value.encode()
