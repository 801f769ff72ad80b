"""The ERC-4361 message that a wallet signs; written here, never parsed: the stored text counts."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.events import format_time

LIFETIME = timedelta(minutes=10)
STATEMENT = "Register this wallet to hold tokens. This request moves nothing and costs no gas."
_NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """Everything a message names. ``address`` is EIP-55 checksummed, as the standard demands."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime
    request_id: str

    def message(self) -> str:
        """The text, line by line as ERC-4361 orders it."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"{self.address}\n"
            "\n"
            f"{STATEMENT}\n"
            "\n"
            f"URI: {self.uri}\n"
            "Version: 1\n"
            f"Chain ID: {self.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {format_time(self.issued_at)}\n"
            f"Expiration Time: {format_time(self.expires_at)}\n"
            f"Request ID: {self.request_id}"
        )


def new_nonce() -> str:
    """128 random bits as hex; ERC-4361 asks for at least eight alphanumerics."""
    return secrets.token_hex(_NONCE_BYTES)
