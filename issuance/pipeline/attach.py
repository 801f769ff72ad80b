"""Putting an issuer's existing ERC-3643 token into service: inspected, allowed to our keys, recorded."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor
from issuance import services
from issuance.chain import registry
from issuance.chain.attach import Found, RedemptionWalletUnfit, Wanted, inspect, verify_attached
from issuance.chain.signer import Permission
from issuance.chain.token import checksummed
from issuance.models import Signer, Token
from issuance.pipeline.launch import SignersMissing
from issuance.services.tokens import Attached, DeployedContract
from issuance.states import SignerRole
from kyc import queries as kyc_queries

_POLICY_ROLES = {
    SignerRole.ISSUER: "ERC3643_ISSUER",
    SignerRole.COMPLIANCE: "ERC3643_COMPLIANCE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Which token to attach. ``backed_by`` has the free shares behind what exists already."""

    underlying_symbol: str
    network: str
    address: str
    redemption_wallet: str
    first_block: int
    other_agents: Sequence[str] = ()
    backed_by: uuid.UUID | None = None


def attach_token(*, attachment: Attachment, actor: Actor, now: datetime) -> Token:
    """Prove an existing token fit, allow our keys to call it and take it into service.

    Raises SignersMissing, what ``inspect`` raises, and what ``register_token`` raises.
    """
    node = registry.client_for(attachment.network)
    keys = list(Signer.objects.filter(chain_id=node.chain_id, role__in=_POLICY_ROLES))
    if {key.role for key in keys} != set(_POLICY_ROLES):
        raise SignersMissing
    wallet = checksummed(attachment.redemption_wallet)
    address = checksummed(attachment.address)
    known = Token.objects.filter(chain_id=node.chain_id, address=address).first()
    if known is not None and known.redemption_wallet == wallet:
        # An earlier run died before its last step.
        permit(keys, chain_id=node.chain_id, contract=address, wallet=wallet)
        return known
    if kyc_queries.proved_wallet_exists(network=attachment.network, address=wallet):
        raise RedemptionWalletUnfit("the redemption wallet is an investor's")
    wanted = Wanted(
        address=address,
        redemption_wallet=wallet,
        agents=[key.address for key in keys],
        other_agents=attachment.other_agents,
        first_block=attachment.first_block,
    )
    found = inspect(client=node, wanted=wanted)
    token = services.register_token(
        underlying_symbol=attachment.underlying_symbol,
        contract=_describe(node.chain_id, attachment, wanted, found),
        actor=actor,
        now=now,
    )
    # Last: a token that was not taken into service leaves no key allowed to mint it.
    permit(keys, chain_id=node.chain_id, contract=address, wallet=wallet)
    return token


def verify_attached_token(*, token: Token) -> int:
    """Compare an attached token with its row at finality; returns the block that was read.

    Raises SignersMissing, and what ``issuance.chain.attach.verify_attached`` raises.
    """
    node = registry.client_for(token.network)
    keys = Signer.objects.filter(chain_id=token.chain_id, role__in=_POLICY_ROLES, halted=False)
    agents = list(keys.values_list("address", flat=True))
    if not agents:
        raise SignersMissing
    block = verify_attached(
        client=node,
        address=token.address,
        redemption_wallet=token.redemption_wallet,
        agents=agents,
        watched=token.watched,
    )
    return block.number


def permit(keys: Sequence[Signer], *, chain_id: int, contract: str, wallet: str) -> None:
    """Let each key sign what its role needs at the token, and nothing else there."""
    for key in keys:
        permissions = permissions_for(
            role=SignerRole(key.role), chain_id=chain_id, contract=contract, wallet=wallet
        )
        registry.policy_file().permit(key.address, permissions)


def permissions_for(
    *, role: SignerRole, chain_id: int, contract: str, wallet: str
) -> list[Permission]:
    """What a key of ``role`` needs at an attached token: nothing for a role that is not used there."""
    if role not in _POLICY_ROLES:
        return []
    taken = wallet if role == SignerRole.ISSUER else None
    return [Permission(chain_id, _POLICY_ROLES[role], contract, taken)]


def _describe(
    chain_id: int, attachment: Attachment, wanted: Wanted, found: Found
) -> DeployedContract:
    return DeployedContract(
        network=attachment.network,
        chain_id=chain_id,
        address=wanted.address,
        name=found.name,
        symbol=found.symbol,
        block=attachment.first_block,
        attestor_address="",
        attestation_age_seconds_max=0,
        attached=Attached(
            redemption_wallet=wanted.redemption_wallet,
            supply=found.supply,
            block=found.block.number,
            watched=found.watched,
            backed_by=attachment.backed_by,
        ),
    )
