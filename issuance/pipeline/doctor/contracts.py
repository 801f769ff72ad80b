"""The doctor on the tokens of one network: code, roles, pauses, attestation and cap."""

from datetime import UTC, datetime, timedelta

from core.units import format_quantity
from custody import queries as custody_queries
from issuance import queries
from issuance.chain import contracts, roles
from issuance.chain.client import ChainClient
from issuance.chain.deploy import implementation_of
from issuance.chain.errors import BytecodeMismatch, CallReverted, ChainError
from issuance.chain.standards import ERC3643, standard_of
from issuance.chain.token import TokenReader
from issuance.chain.types import Reserves
from issuance.models import Hold, Order, Signer, Token, TransferStop
from issuance.pipeline.doctor.attached import examine_attached
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.pipeline.doctor.lanes import LANE_HALTED, is_replaced
from issuance.states import OrderStatus, OrderType, SignerRole

_ROLES = {
    SignerRole.ISSUER: roles.ISSUER,
    SignerRole.COMPLIANCE: roles.COMPLIANCE,
    SignerRole.PAUSER: roles.PAUSER,
}
# The contract's own refusals, as orders show them.
_MISSING_ROLE = CallReverted("AccessControlUnauthorizedAccount")
_MINT_PAUSED = CallReverted("MintIsPaused")
_TRANSFER_PAUSED = CallReverted("TransferIsPaused")
_STALE = CallReverted("AttestationStale")
_CAP = CallReverted("CapExceeded")
_LIMIT = CallReverted("MintLimitExceeded")


def examine_tokens(network: str, client: ChainClient, *, now: datetime) -> list[Finding]:
    """Every token of a network as the chain shows it now."""
    found: list[Finding] = []
    for token in queries.tokens().filter(network=network).order_by("symbol"):
        try:
            if token.standard == ERC3643:
                found += examine_attached(token, client)
                continue
            wrong = _code(token, client)
            found += wrong or _rules(token, client, now=now)
        except ChainError as unknown:
            found.append(_unknown(token, unknown))
    return found


def order_code(token: Token, refusal: CallReverted) -> str:
    """The reason code an order shows when this refusal keeps it waiting."""
    return standard_of(token).cure(refusal)[1]


def _code(token: Token, client: ChainClient) -> list[Finding]:
    code = client.code(token.address)
    if not code:
        says = f"There is no contract at {token.address}."
    elif not contracts.runs_our_code("EtfTokenProxy", code):
        says = f"The code at {token.address} is not our proxy."
    else:
        running = implementation_of(client, token.address)
        if contracts.runs_our_code("EtfToken", client.code(running)):
            return []
        says = f"It runs {running}, which is not the token this release was built with."
    return [
        Finding(
            code=BytecodeMismatch.code,
            weight=Weight.STOPS,
            network=token.network,
            subject=str(token),
            says=says,
            do="Halt the token. Wrong network or address, or an upgrade nobody recorded:"
            " run verify_token.",
        )
    ]


def _rules(token: Token, client: ChainClient, *, now: datetime) -> list[Finding]:
    reader = TokenReader(client, token.address)
    reserves = reader.reserves()
    found = []
    for signer in Signer.objects.filter(chain_id=token.chain_id).order_by("role", "address"):
        may_act = reader.has_role(_ROLES[SignerRole(signer.role)], signer.address)
        if may_act == is_replaced(signer):
            found.append(_still(token, signer) if may_act else _role(token, signer))
    found += _pauses(token, reserves, now=now)
    found += _attestation(token, reserves, now=now)
    found += _room(token, reserves)
    issuers = Signer.objects.filter(chain_id=token.chain_id, role=SignerRole.ISSUER, halted=False)
    for issuer in issuers:
        allowed = reader.mint_allowance(issuer.address)
        if allowed.available < _queued(token) and allowed.limit:
            found.append(
                Finding(
                    code=order_code(token, _LIMIT),
                    weight=Weight.LOOK,
                    network=token.network,
                    subject=f"{token}, issuer {issuer.address}",
                    says=f"{format_quantity(allowed.available)} shares are left to mint of"
                    f" {format_quantity(allowed.limit)} a day.",
                    do="Wait, it refills by the second; or the admin raises the limit.",
                )
            )
    return found


def _role(token: Token, signer: Signer) -> Finding:
    return Finding(
        code=order_code(token, _MISSING_ROLE),
        weight=Weight.LOOK if signer.role == SignerRole.PAUSER else Weight.STOPS,
        network=token.network,
        subject=f"{token}, {signer.role.lower()} {signer.address}",
        says=f"The contract does not let this key act as {signer.role}.",
        do="The token's admin grants the role, or the key is retired here.",
    )


def _still(token: Token, signer: Signer) -> Finding:
    return Finding(
        code=LANE_HALTED,
        weight=Weight.LOOK,
        network=token.network,
        subject=f"{token}, {signer.role.lower()} {signer.address}",
        says=f"This key is halted ({signer.halted_reason}), and the contract still lets it act.",
        do="When it is retired for good: announce it, and the token's admin revokes the role.",
    )


def _pauses(token: Token, reserves: Reserves, *, now: datetime) -> list[Finding]:
    found = []
    if reserves.mint_paused:
        found.append(
            Finding(
                code=order_code(token, _MINT_PAUSED),
                weight=Weight.STOPS,
                network=token.network,
                subject=str(token),
                says="Minting is paused at the contract; mint orders wait.",
                do="When the cause is gone, the admin (the timelock) calls unpause(1).",
            )
        )
    if reserves.transfer_paused:
        places = TransferStop.objects.filter(token=token, wallet=None)
        wanted = places.filter(wanted=True).exists()
        held = Hold.objects.in_force(now=now).count()
        found.append(
            Finding(
                code=order_code(token, _TRANSFER_PAUSED),
                weight=Weight.LOOK,
                network=token.network,
                subject=str(token),
                says="Transfers and redeem requests are paused at the contract, "
                + ("as a hold asks." if wanted else f"and no hold asks for it ({held} in force)."),
                do="Lift the hold under Holds, then the admin calls unpause(2)."
                if wanted
                else "When the cause is gone, the admin (the timelock) calls unpause(2).",
            )
        )
    return found


def _attestation(token: Token, reserves: Reserves, *, now: datetime) -> list[Finding]:
    age = now - datetime.fromtimestamp(reserves.as_of, tz=UTC)
    if reserves.as_of and age <= timedelta(seconds=reserves.max_age):
        return []
    hours = int(age.total_seconds()) // 3600
    return [
        Finding(
            code=order_code(token, _STALE),
            weight=Weight.STOPS,
            network=token.network,
            subject=str(token),
            says=f"The custodian's figure on chain is {hours} hours old; it counts for"
            f" {reserves.max_age // 3600}."
            if reserves.as_of
            else "The custodian has attested nothing on chain yet.",
            do="Look at Attestations and at the custodian's connection; minting waits.",
        )
    ]


def _room(token: Token, reserves: Reserves) -> list[Finding]:
    room, queued = max(reserves.cap - custody_queries.backing(token.pk), 0), _queued(token)
    if queued <= room:
        return []
    return [
        Finding(
            code=order_code(token, _CAP),
            weight=Weight.LOOK,
            network=token.network,
            subject=str(token),
            says=f"Orders for {format_quantity(queued)} shares wait and the attested cap leaves"
            f" room for {format_quantity(room)}.",
            do="A newer attestation is asked for by itself once custody has settled more.",
        )
    ]


def _queued(token: Token) -> int:
    waiting = Order.objects.filter(
        token=token, type=OrderType.MINT, status=OrderStatus.QUEUED, requeues=0
    )
    return sum(waiting.values_list("quantity", flat=True))


def _unknown(token: Token, unknown: ChainError) -> Finding:
    return Finding(
        code=unknown.code,
        weight=Weight.STOPS,
        network=token.network,
        subject=str(token),
        says=f"The contract cannot be read: {unknown}",
        do="Repair the nodes; nothing is known of the token meanwhile.",
    )
