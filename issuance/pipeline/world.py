"""What the pipeline needs of the outside: a chain per network and a key per signer."""

from collections.abc import Callable
from dataclasses import dataclass

from issuance.chain import registry
from issuance.chain import types as chain
from issuance.models import Token


@dataclass(frozen=True, slots=True)
class World:
    """The outside as functions, so that a test can hand in its own."""

    chain_for: Callable[[str], chain.Chain]
    key_for: Callable[[str], chain.Signer]

    def chain_of(self, token: Token) -> chain.Chain:
        """The chain a token lives on."""
        return self.chain_for(token.network)


def from_settings() -> World:
    """The configured nodes and keystores."""
    return World(chain_for=registry.client_for, key_for=registry.signer_for)
