"""What the pipeline needs of the outside: a chain per network, a key per signer, the custodian."""

from collections.abc import Callable
from dataclasses import dataclass

from custody.providers import registry as custodians
from custody.providers.custodian import (
    AttestationRequest,
    CustodianUnavailable,
    SignedAttestation,
)
from issuance.chain import registry
from issuance.chain import types as chain
from issuance.chain.errors import ChainUnreachable, NetworkUnknown
from issuance.models import Token


@dataclass(frozen=True, slots=True)
class World:
    """The outside as functions, so that a test can hand in its own."""

    chain_for: Callable[[str], chain.Chain]
    key_for: Callable[[str], chain.Signer]
    attest: Callable[[Token, AttestationRequest], SignedAttestation]

    def chain_of(self, token: Token) -> chain.Chain:
        """The chain a token lives on."""
        return self.chain_for(token.network)


def from_settings() -> World:
    """The configured nodes, keystores and custodians."""
    return World(chain_for=_client_for, key_for=registry.signer_for, attest=_ask_custodian)


def _client_for(network: str) -> chain.Chain:
    """A network that the settings no longer name is one that cannot be asked; the others go on."""
    try:
        return registry.client_for(network)
    except NetworkUnknown as missing:
        raise ChainUnreachable(f"{network} is not configured") from missing


def _ask_custodian(token: Token, request: AttestationRequest) -> SignedAttestation:
    code = token.custody_account.custodian.code
    if code not in custodians.reachable_codes():
        raise CustodianUnavailable(f"{code} cannot be asked by program.")
    return custodians.client_for(code).attest(request)
