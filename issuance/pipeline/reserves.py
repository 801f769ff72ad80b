"""Attestations: asked of the custodian when the cap needs a newer figure, verified, then relayed."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from core.units import Units
from custody import queries as custody_queries
from custody.models import Attestation
from custody.providers.custodian import (
    AttestationRequest,
    CustodianUnavailable,
    SignedAttestation,
)
from custody.queries import CapBounds
from issuance import policy, queries, services
from issuance.chain import attestation as attestations
from issuance.chain import types as chain
from issuance.chain.errors import ChainError, SignerError, WrongSignature
from issuance.models import Token
from issuance.pipeline.caps import Claim, is_due, wanted_cap
from issuance.pipeline.planning import Simulation, plan
from issuance.pipeline.sign import sign_and_send
from issuance.pipeline.walls import Piece, Wall
from issuance.pipeline.world import World
from issuance.services.attestations import encode_attestation, networks_in_doubt
from issuance.services.room import waiting_mints
from issuance.states import SignerRole, Work

# Between two figures of one token, whatever became of the first.
PAUSE = timedelta(seconds=3)
# How long a figure is relayed again before a newer one is asked for.
RELAY_WITHIN = timedelta(minutes=1)
CLOCK_TOLERANCE = timedelta(hours=1)
_log = structlog.get_logger(__name__)


def request_due(*, world: World, now: datetime) -> int:
    """Renew each token's cap where it differs from custody or grows old; returns how many."""
    signed = 0
    for token in queries.tokens():
        if token.has_attested_cap:
            with Wall(piece=Piece.of(Work.ATTEST, token), now=now):
                signed += _request(token, world=world, now=now)
    return signed


def _request(token: Token, *, world: World, now: datetime) -> int:
    wanted = wanted_shares(token)
    if not _is_due(token, wanted, now=now):
        return 0
    try:
        kept = _kept(token, wanted, now=now)
        if kept is not None:
            return _relay(token, kept, world=world, now=now)
        return _renew(token, wanted, world=world, now=now)
    except (DomainError, ChainError, SignerError) as obstacle:
        _log.info("attestation_waits", token=token.public_id, reason=obstacle.code)
        return 0


def wanted_shares(token: Token) -> int:
    """The units this token's cap should show, see ``issuance.pipeline.caps``.

    Nothing rises while a failover may have lost a figure of a sibling; what is there is renewed.
    """
    wanted = wanted_cap(
        token_id=token.pk,
        claims=claims_on(token.fund_id),
        attestable=custody_queries.attestable(token.fund_id),
    )
    if wanted > token.attested_units and networks_in_doubt(fund_id=token.fund_id):
        return token.attested_units
    return wanted


def claims_on(fund_id: uuid.UUID) -> dict[uuid.UUID, Claim]:
    """What each token of a fund has and needs; one without a cap on chain claims its backing."""
    bounds = custody_queries.cap_bounds(fund_id)
    return {
        token.pk: _claim(token, bounds.get(token.pk))
        for token in queries.tokens().filter(fund_id=fund_id)
    }


def _claim(token: Token, bounds: CapBounds | None) -> Claim:
    backing = custody_queries.backing(token.pk)
    highest = policy.claim_of(token)
    cap = token.attested_units if token.has_attested_cap else backing
    return Claim(
        cap=cap,
        newest=bounds.newest if bounds and highest > cap else cap,
        bound=highest,
        needed=backing + waiting_mints(token_id=token.pk),
    )


def _is_due(token: Token, wanted: int, *, now: datetime) -> bool:
    if queries.attestation_on_its_way(token_id=token.pk):
        return False
    latest = custody_queries.latest_attestation(token.pk)
    if latest is not None and now - latest.created_at < PAUSE:
        return False
    if token.attested_as_of is None:
        return wanted > 0
    age = (now - token.attested_as_of).total_seconds()
    if age > token.attestation_age_seconds_max / 2:
        return True
    return is_due(claims_on(token.fund_id)[token.pk], wanted=wanted)


def _kept(token: Token, wanted: int, *, now: datetime) -> Attestation | None:
    """The newest figure on record, when it is the wanted one and was not relayed yet.

    A worker may have died with it, or the chain's clock trail the custodian's: what is from the
    future for a contract now is not in a moment, while a newer figure would be again.
    """
    latest = custody_queries.latest_attestation(token.pk)
    if latest is None or latest.shares != wanted or now - latest.created_at > RELAY_WITHIN:
        return None
    if token.attested_as_of is not None and latest.as_of <= token.attested_as_of:
        return None
    return latest


def _renew(token: Token, wanted: int, *, world: World, now: datetime) -> int:
    # A halt stops whatever lets more be minted; a cap that falls is the cure, not the danger.
    if not token.is_lowered_by(wanted):
        queries.require_not_halted(token=token)
    figure = world.attest(
        token,
        AttestationRequest(
            isin=custody_queries.isin_of(fund_id=token.fund_id, on=now.date()),
            chain_id=token.chain_id,
            contract=token.address,
            token_name=token.name,
            shares=Units(wanted),
        ),
    )
    failpoint("attest.answered")
    require_genuine(token, figure)
    _require_asked_for(figure, wanted, now=now)
    row = services.record_attestation(token_id=token.pk, figure=figure, now=now)
    failpoint("attest.recorded")
    return _relay(token, row, world=world, now=now)


def require_genuine(token: Token, figure: SignedAttestation) -> None:
    """Recover who signed: only the token's attestor counts. Raises WrongSignature."""
    attestation = chain.Attestation(
        shares=figure.shares, as_of=figure.as_of, report_hash=figure.report_hash
    )
    domain = attestations.TokenDomain(
        name=token.name, chain_id=token.chain_id, contract=token.address
    )
    try:
        signature = bytes.fromhex(figure.signature.removeprefix("0x"))
    except ValueError:
        raise WrongSignature("not hex") from None
    signer = attestations.recover(attestation, domain, signature)
    if not signer.lower() == token.attestor_address.lower() == figure.signer_address.lower():
        raise WrongSignature(f"signed by {signer}, not by the attestor")


def _require_asked_for(figure: SignedAttestation, wanted: int, *, now: datetime) -> None:
    """A larger figure would lift the cap above what our books allow; one from the future would
    make every later one stale. Raises CustodianUnavailable.
    """
    if figure.shares > wanted or figure.as_of > (now + CLOCK_TOLERANCE).timestamp():
        raise CustodianUnavailable("It attested more than was asked for, or for a later moment.")


def _relay(token: Token, row: Attestation, *, world: World, now: datetime) -> int:
    """Raises SignerRefused when the key may not sign it: known before a nonce is taken."""
    lane = services.pick_lane(token=token, role=SignerRole.ISSUER)
    node = world.chain_of(token)
    # Too dear, or no key at hand: known before a nonce is taken for it.
    simulation = Simulation(
        chain=node,
        key=world.key_for(lane.address),
        fees=node.fees(),
        to=token.address,
        encode=_encode,
    )
    planned = plan([row], simulation=simulation)
    if planned.refused:
        _log.warning("attestation_refused", token=token.public_id, error=planned.refused[0][1].name)
        return 0
    if planned.forbidden:
        raise planned.forbidden[0][1]
    numbered = services.assign_attestation(
        token_id=token.pk,
        attestation_id=row.pk,
        signer_id=lane.pk,
        gas=planned.gas,
        now=now,
    )
    failpoint("attest.committed")
    if numbered is None:
        return 0
    sign_and_send(row=numbered, world=world, now=now, fees=simulation.fees)
    return 1


def _encode(rows: Sequence[Attestation]) -> bytes:
    (row,) = rows
    return encode_attestation(row)
