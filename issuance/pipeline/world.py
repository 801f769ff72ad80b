"""What the pipeline needs of the outside: a chain per network, a key per signer, the custodian."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from issuance.chain import registry
from issuance.chain import types as chain
from issuance.models import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationWanted:
    """What a custodian is asked to vouch for; it may sign for fewer ``shares`` (units)."""

    token_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    token_name: str
    chain_id: int
    contract: str
    shares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFigure:
    """A custodian's answer, not verified yet. ``as_of`` in Unix seconds, the rest 0x-hex."""

    shares: int
    as_of: int
    report: str
    report_hash: str
    signature: str


class CustodianUnavailable(Exception):
    """The custodian did not answer, or not with a figure."""

    code = "custodian_unavailable"


@dataclass(frozen=True, slots=True)
class World:
    """The outside as functions, so that a test can hand in its own."""

    chain_for: Callable[[str], chain.Chain]
    key_for: Callable[[str], chain.Signer]
    attest: Callable[[AttestationWanted], SignedFigure]

    def chain_of(self, token: Token) -> chain.Chain:
        """The chain a token lives on."""
        return self.chain_for(token.network)


def from_settings() -> World:
    """The configured nodes, keystores and custodian."""
    return World(chain_for=registry.client_for, key_for=registry.signer_for, attest=_ask_custodian)


def _ask_custodian(wanted: AttestationWanted) -> SignedFigure:
    raise CustodianUnavailable(wanted.symbol)
