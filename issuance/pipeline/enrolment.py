"""A key that lies elsewhere enters service: it proves itself, gets its permissions and its lane."""

from datetime import datetime

from core.actors import Actor
from issuance import queries, services
from issuance.chain import registry
from issuance.chain.permissions import Permission
from issuance.chain.types import Fees, UnsignedCall
from issuance.models import Signer, Token
from issuance.pipeline.attach import permissions_for
from issuance.states import SignerRole, TokenStandard

# The highest nonce there is (EIP-2681): a transaction with it can never be mined.
_NEVER = 2**64 - 2
_PROBE_GAS = 21_000


def enrol_signer(
    *, network: str, address: str, role: SignerRole, actor: Actor, now: datetime
) -> Signer:
    """Let a key of SIGNER_BACKENDS, or of a key file, play a role on a network beside others.

    It signs a probe that no chain can mine, so that a wrong key, a missing right or another curve
    shows now and not at the first order. The contract's role and allowance are the admin's to give.
    Raises SignerError, ChainError, NetworkUnknown, or StateConflict when it plays another role.
    """
    node = registry.client_for(network)
    permissions = [Permission(node.chain_id, role)]
    for token in queries.tokens().filter(network=network):
        permissions += _at(token, role)
    # First the chain alone: the probe needs no more, and a key that fails it gets no more.
    registry.policy_file().permit(address, permissions[:1])
    registry.signer_for(address).sign(
        UnsignedCall(
            chain_id=node.chain_id,
            nonce=_NEVER,
            to=address,
            data=b"",
            gas=_PROBE_GAS,
            fees=Fees(max_fee=1, tip=0),
        )
    )
    registry.policy_file().permit(address, permissions)
    return services.register_signer(
        network=network,
        chain_id=node.chain_id,
        address=address,
        role=role,
        chain_nonce=node.nonce(address, at="latest"),
        actor=actor,
        now=now,
    )


def _at(token: Token, role: SignerRole) -> list[Permission]:
    """What the role signs at one token: an issuer's own standard has other calls than ours."""
    if token.standard == TokenStandard.SHAREMINT:
        return [Permission(token.chain_id, role, token.address)]
    return permissions_for(
        role=role,
        chain_id=token.chain_id,
        contract=token.address,
        wallet=token.redemption_wallet,
    )
