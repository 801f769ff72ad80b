"""The text of API keys: made once, checked by checksum before any query, kept as a digest only.

``shm_live_<kid 10>_<secret 32><crc 6>`` in base62, ``shm_test_`` outside live. The checksum lets a
secret scanner recognise a leaked key without asking us.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from django.conf import settings

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KID_LENGTH = 10
_SECRET_LENGTH = 32
_CRC_LENGTH = 6
# The one pattern for parsing here, for redaction in logs and for scanners.
PATTERN: re.Pattern[str] = re.compile(r"\bshm_(live|test)_([0-9A-Za-z]{10})_([0-9A-Za-z]{38})\b")


@dataclass(frozen=True, slots=True, repr=False)
class KeyText:
    """One whole key. Its repr never shows the secret."""

    kid: str
    secret: str
    text: str

    def __repr__(self) -> str:
        return f"KeyText({self.kid})"


def generate() -> KeyText:
    """A fresh key with 190 bits of secret."""
    kind = "live" if settings.LIVEMODE else "test"
    kid = "".join(secrets.choice(_ALPHABET) for _ in range(_KID_LENGTH))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    head = f"shm_{kind}_{kid}_{secret}"
    return KeyText(kid=kid, secret=secret, text=head + _checksum(head))


def parse(text: str) -> KeyText | None:
    """The parts of a well-formed key, or None when form, kind or checksum is wrong."""
    match = PATTERN.fullmatch(text)
    if match is None:
        return None
    kind, kid, rest = match.groups()
    if kind != ("live" if settings.LIVEMODE else "test"):
        return None
    secret, checksum = rest[:_SECRET_LENGTH], rest[_SECRET_LENGTH:]
    if not hmac.compare_digest(_checksum(text[:-_CRC_LENGTH]), checksum):
        return None
    return KeyText(kid=kid, secret=secret, text=text)


def digest(secret: str) -> bytes:
    """What is kept of the secret: HMAC-SHA256 under the deployment's pepper.

    The secret is random, so a slow password hash would add nothing but latency.
    """
    return hmac.digest(settings.API_KEY_PEPPER.encode(), secret.encode(), hashlib.sha256)


def _checksum(head: str) -> str:
    number = zlib.crc32(head.encode())
    letters = []
    for _ in range(_CRC_LENGTH):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(reversed(letters))
