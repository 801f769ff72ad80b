"""From a numbered call to saved bytes: price it, ask the signer outside any transaction, prove, keep.

Whoever dies between two of these steps leaves a row that says how far it came: without an attempt
it is signed again, with one it is sent. Bytes that were not kept are never sent.
"""

from datetime import datetime, timedelta

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError, SignerError
from issuance.chain.signing import verify_signed
from issuance.models import Attempt, ChainTransaction
from issuance.pipeline.broadcast import broadcast
from issuance.pipeline.world import World

FIRST_LOOK = timedelta(seconds=1)
RETRY = timedelta(seconds=3)
_log = structlog.get_logger(__name__)


def sign_and_send(
    *, row: ChainTransaction, world: World, now: datetime, fees: chain.Fees | None = None
) -> bool:
    """Sign a call that has no form yet and send it; whether it was sent.

    ``fees`` is the price when the caller has just asked for it. An obstacle (halted, too dear, no
    node, no signature) is noted and the row stays due: nothing of it exists outside.
    """
    try:
        attempt = sign_first(row=row, world=world, now=now, fees=fees)
        node = world.chain_of(row.token)
    except (DomainError, ChainError, SignerError) as obstacle:
        _log.warning("signing_waits", transaction=row.public_id, reason=obstacle.code)
        note = f"{obstacle.code}: {obstacle}"
        services.record_note(chain_transaction_id=row.pk, note=note, look_in=RETRY, now=now)
        return False
    if attempt is None:
        # Another worker's form was kept first; it sends its own.
        return False
    broadcast(row=row, attempts=[attempt], node=node, look_in=FIRST_LOOK, now=now)
    return True


def sign_first(
    *, row: ChainTransaction, world: World, now: datetime, fees: chain.Fees | None = None
) -> Attempt | None:
    """The first form of a numbered call, kept; None when another worker kept one before.

    Raises HaltActive while a breaker is open, ChainError and SignerError.
    """
    queries.require_not_halted(token=row.token)
    price = fees or world.chain_of(row.token).fees()
    return _sign(row, after=0, fees=price, world=world, now=now)


def sign_dearer(
    *, row: ChainTransaction, newest: Attempt, world: World, now: datetime
) -> Attempt | None:
    """A dearer form of the same call at the same nonce; not new work, so no breaker stops it.

    Raises FeeCeilingReached and other ChainErrors, SignerError: the earlier forms stay valid then.
    """
    price = _dearer(newest, world.chain_of(row.token))
    return _sign(row, after=newest.sequence, fees=price, world=world, now=now)


def unsigned_form(row: ChainTransaction, *, fees: chain.Fees) -> chain.UnsignedCall:
    """What a signature of the row's call covers at this price."""
    return chain.UnsignedCall(
        chain_id=row.token.chain_id,
        nonce=row.nonce,
        to=row.to_address,
        data=bytes(row.calldata),
        gas=row.gas_limit,
        fees=fees,
    )


def _dearer(newest: Attempt, node: chain.Chain) -> chain.Fees:
    current = node.fees()
    raised = node.bump(chain.Fees(max_fee=newest.max_fee_wei, tip=newest.tip_wei))
    return chain.Fees(
        max_fee=max(raised.max_fee, current.max_fee), tip=max(raised.tip, current.tip)
    )


def _sign(
    row: ChainTransaction, *, after: int, fees: chain.Fees, world: World, now: datetime
) -> Attempt | None:
    unsigned = unsigned_form(row, fees=fees)
    failpoint("sign.before")
    answer = world.key_for(row.signer.address).sign(unsigned)
    # Whatever the signer claims: only fields and sender that were recovered here count.
    signed = verify_signed(answer.raw, unsigned=unsigned, sender=row.signer.address)
    failpoint("sign.signed")
    attempt = services.save_attempt(
        chain_transaction_id=row.pk, after=after, signed=signed, fees=fees, now=now
    )
    failpoint("sign.saved")
    return attempt
