"""Token standards behind one protocol: our own EtfToken, and an issuer's existing ERC-3643 token."""

from typing import Protocol

from issuance.chain.standards.erc3643 import UNKNOWN_ORDER, Erc3643Standard
from issuance.chain.standards.protocol import (
    UNKNOWN_EVENT,
    Carried,
    Cure,
    Deed,
    Execution,
    HolderStep,
    TokenStandard,
)
from issuance.chain.standards.sharemint import SharemintStandard

ERC3643 = "ERC3643"
SHAREMINT = "SHAREMINT"

__all__ = [
    "ERC3643",
    "SHAREMINT",
    "UNKNOWN_EVENT",
    "UNKNOWN_ORDER",
    "Carried",
    "Cure",
    "Deed",
    "Erc3643Standard",
    "Execution",
    "HolderStep",
    "SharemintStandard",
    "TokenStandard",
    "standard_of",
]


class TokenFacts(Protocol):
    """What a row knows of its token contract."""

    standard: str
    address: str
    redemption_wallet: str


def standard_of(token: TokenFacts) -> TokenStandard:
    """How to speak to a token. Raises ValueError for a standard that is not known."""
    if token.standard == SHAREMINT:
        return SharemintStandard(token.address)
    if token.standard == ERC3643:
        return Erc3643Standard(token.address, token.redemption_wallet)
    raise ValueError(f"no such token standard: {token.standard}")
