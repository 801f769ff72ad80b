"""What may never be written down: secrets and personal data, by field name and by pattern."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from core import keys

HIDDEN = "[hidden]"
_DEPTH_MAX = 8
_NAMES = frozenset(
    {
        "authorization",
        "cookie",
        "set_cookie",
        "password",
        "passphrase",
        "secret",
        "secret_key",
        "api_key",
        "private_key",
        "mnemonic",
        "pepper",
        "signature",
        "legal_name",
        "first_name",
        "last_name",
        "full_name",
        "email",
        "phone",
        "date_of_birth",
        "passport",
        "national_id",
        "street",
        "postal_code",
        "iban",
    }
)
_PATTERNS = (
    keys.PATTERN,
    re.compile(r"whsec_[A-Za-z0-9+/=]{20,}"),
    re.compile(r"\b[Bb]earer\s+\S+"),
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),  # user:password in a URL
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
)


def clean_mapping(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same mapping with hidden names and patterns blanked, at any depth."""
    return {str(name): _clean(str(name), value, 0) for name, value in event.items()}


def clean_text(text: str) -> str:
    """The text with every key, secret, address and credential blanked."""
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return text


def _clean(name: str, value: object, depth: int) -> Any:  # noqa: ANN401 - a log value is anything
    if name.lower().replace("-", "_") in _NAMES or depth > _DEPTH_MAX:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(n): _clean(str(n), inner, depth + 1) for n, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner, depth + 1) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return value if value is None or isinstance(value, int | float) else clean_text(str(value))
