"""Standard Webhooks 1.0 signatures: ``v1`` is HMAC-SHA256 over ``id.timestamp.body``."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret, ``whsec_`` and base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(*, message_id: str, timestamp: int, body: bytes, whsecs: Iterable[str]) -> dict[str, str]:
    """The three headers of one attempt; each live secret adds a signature.

    ``timestamp`` is the attempt's, in whole unix seconds.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [_v1(signed, base64.b64decode(text.removeprefix(PREFIX))) for text in whsecs]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _v1(signed: bytes, key: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
