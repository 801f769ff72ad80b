"""The doctor on an issuer's existing ERC-3643 token: what of it can be known from outside."""

from issuance.chain.attach import RedemptionWalletUnfit, RulesChanged
from issuance.chain.client import ChainClient
from issuance.chain.erc3643 import Erc3643Reader
from issuance.chain.errors import BytecodeMismatch, CallReverted
from issuance.chain.standards import standard_of
from issuance.models import Signer, Token
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.states import SignerRole

# The roles that act at such a token; nothing of ours pauses it.
_ROLES = (SignerRole.ISSUER, SignerRole.COMPLIANCE)
_NO_AGENT = CallReverted("AgentRole: caller does not have the Agent role")
_PAUSED = CallReverted("TokenPaused")


def examine_attached(token: Token, client: ChainClient) -> list[Finding]:
    """Contract, rules, agents, pause and redemption wallet as the chain shows them now.

    Raises ChainError: unknown.
    """
    if not client.code(token.address):
        says = f"There is no contract at {token.address}."
        return [_finding(token, BytecodeMismatch.code, says, "Halt the token: wrong network?")]
    reader = Erc3643Reader(client, token.address)
    return [
        *_rules(token, reader),
        *_agents(token, reader),
        *_pause(token, reader),
        *_redemptions(token, reader),
    ]


def _rules(token: Token, reader: Erc3643Reader) -> list[Finding]:
    seen = reader.watched()
    differing = sorted(name for name, value in seen.items() if token.watched.get(name) != value)
    if not differing:
        return []
    told = ", ".join(f"{name} is {seen[name]}" for name in differing)
    do = "Ask the issuer. What was meant is announced exactly (announce_change), then taken over."
    return [_finding(token, RulesChanged.code, f"Since it was attached: {told}.", do)]


def _agents(token: Token, reader: Erc3643Reader) -> list[Finding]:
    code = standard_of(token).cure(_NO_AGENT)[1]
    keys = Signer.objects.filter(chain_id=token.chain_id, role__in=_ROLES, halted=False)
    return [
        _finding(
            token,
            code,
            f"{each.role.lower()} {each.address} is not an agent of the token.",
            "The token's owner makes it one (addAgent), announced first; or halt the key here.",
        )
        for each in keys.order_by("role", "address")
        if not reader.is_agent(each.address)
    ]


def _pause(token: Token, reader: Erc3643Reader) -> list[Finding]:
    if not reader.is_paused():
        return []
    code = standard_of(token).cure(_PAUSED)[1]
    says, do = "The token is paused by its agents; mint orders wait.", "Ask the issuer why."
    return [_finding(token, code, says, do)]


def _redemptions(token: Token, reader: Erc3643Reader) -> list[Finding]:
    wallet = token.redemption_wallet
    wrong = []
    if not reader.is_verified(wallet):
        wrong.append("not verified in the token's registry")
    if reader.is_frozen(wallet):
        wrong.append("frozen")
    if not wrong:
        return []
    says = f"The redemption wallet {wallet} is {' and '.join(wrong)}: nobody can redeem."
    do = "The issuer registers and thaws it; redemptions go on by themselves."
    return [_finding(token, RedemptionWalletUnfit.code, says, do)]


def _finding(token: Token, code: str, says: str, do: str) -> Finding:
    return Finding(
        code=code,
        weight=Weight.STOPS,
        network=token.network,
        subject=str(token),
        says=says,
        do=do,
    )
