"""Public identifiers: a resource prefix and a time-ordered UUIDv7 in Crockford base32.

The layout is TypeID's: ``ord_01k9...``. Rows store the plain uuid; only the edges see the prefix.
"""

import uuid

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
# Two letters at a time: every event names several identifiers.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)


class IdInvalid(ValueError):
    """The text is not an identifier with the expected prefix."""


def new_uuid() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562), increasing with time."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def encode_id(prefix: str, value: uuid.UUID) -> str:
    """The public form of a row's uuid."""
    number = value.int
    letters = "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
    return f"{prefix}_{letters}"


def decode_id(prefix: str, text: str) -> uuid.UUID:
    """The uuid behind a public identifier.

    Raises IdInvalid when the prefix differs or the rest is not 26 base32 letters of a uuid.
    """
    head, _, body = text.rpartition("_")
    if head != prefix or len(body) != _LENGTH or not set(body) <= _VALUES.keys():
        raise IdInvalid(text[:64])
    number = 0
    for letter in body:
        number = number * 32 + _VALUES[letter]
    if number >> 128:
        raise IdInvalid(text[:64])
    return uuid.UUID(int=number)
