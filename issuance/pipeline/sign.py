"""From a numbered call to saved bytes: price it, ask the signer outside any transaction, prove, keep.

Whoever dies between two of these steps leaves a row that says how far it came: without an attempt
it is signed again, with one it is sent. Bytes that were not kept are never sent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from core.errors import DomainError, HaltActive
from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError, SignerError, SignerRefused
from issuance.chain.permissions import FILL_GAS_MAX
from issuance.chain.signing import verify_signed
from issuance.models import Attempt, ChainTransaction
from issuance.pipeline.broadcast import broadcast, broadcast_many
from issuance.pipeline.world import World
from issuance.services import lanes
from issuance.services.forms import SignedForm
from issuance.states import ChainTransactionKind

FIRST_LOOK = timedelta(seconds=1)
RETRY = timedelta(seconds=3)
# A call that cannot be signed for this long is cancelled: others of its lane wait behind it.
PATIENCE = timedelta(seconds=60)
GAS_MARGIN_PERCENT = 25
# An empty transfer is never given less: chains that charge for its data there need more than 21,000.
FILL_GAS_MIN = 60_000
_log = structlog.get_logger(__name__)


def sign_and_send(
    *,
    row: ChainTransaction,
    world: World,
    now: datetime,
    fees: chain.Fees | None = None,
    newest: Attempt | None = None,
) -> bool:
    """Make the form that is wanted and was not made yet, and send it; whether it was sent.

    ``fees`` is the price when the caller has just asked for it, ``newest`` the form that was kept
    last, if any. An obstacle (halted, too dear, no node, no signature) is noted and the row stays
    due: nothing new of it exists outside.
    """
    try:
        if row.cancel_asked_at is not None:
            attempt = sign_cancel(row=row, newest=newest, world=world, now=now)
        else:
            attempt = sign_first(row=row, world=world, now=now, fees=fees)
        node = world.chain_of(row.token)
    except (DomainError, ChainError, SignerError) as obstacle:
        _log.warning("signing_waits", transaction=row.public_id, reason=obstacle.code)
        note = f"{obstacle.code}: {obstacle}"
        services.record_note(
            chain_transaction_id=row.pk,
            lease=row.leased_until,
            note=note,
            look_in=RETRY,
            now=now,
        )
        _give_up(row, obstacle, now=now)
        return False
    if attempt is None:
        # Another worker's form was kept first, and it sends that; or another form is wanted now.
        return False
    broadcast(row=row, attempts=[attempt], node=node, look_in=FIRST_LOOK, now=now)
    return True


def sign_and_send_many(
    *, rows: Sequence[ChainTransaction], world: World, now: datetime, fees: chain.Fees
) -> None:
    """``sign_and_send`` for calls that were numbered together: kept in one go, sent in one go.

    Whatever cannot be signed now has no form yet and is signed alone later.
    """
    if len(rows) == 1:
        sign_and_send(row=rows[0], world=world, now=now, fees=fees)
        return
    try:
        lanes.require_signable(*rows)
    except DomainError as obstacle:
        _log.warning("signing_waits", transaction=rows[0].public_id, reason=obstacle.code)
        return
    forms = []
    for row in rows:
        form = call_form(row, fees=fees)
        try:
            signed = _proven(row, form, world=world)
        except (ChainError, SignerError) as obstacle:
            _log.warning("signing_waits", transaction=row.public_id, reason=obstacle.code)
            continue
        forms.append(SignedForm(chain_transaction_id=row.pk, signed=signed, fees=fees))
    if not forms:
        return
    try:
        attempts = services.save_attempts(forms=forms, now=now)
        failpoint("sign.saved")
        node = world.chain_of(rows[0].token)
    except (DomainError, ChainError) as obstacle:
        _log.warning("signing_waits", transaction=rows[0].public_id, reason=obstacle.code)
        return
    broadcast_many(attempts=attempts, node=node, look_in=FIRST_LOOK, now=now)


def sign_first(
    *, row: ChainTransaction, world: World, now: datetime, fees: chain.Fees | None = None
) -> Attempt | None:
    """The first form of a numbered call, kept; None when another worker kept one before.

    Raises HaltActive while a breaker is open, ChainError and SignerError.
    """
    lanes.require_signable(row)
    price = fees or world.chain_of(row.token).fees()
    return _sign(row, call_form(row, fees=price), after=0, world=world, now=now)


def sign_dearer(
    *, row: ChainTransaction, newest: Attempt, world: World, now: datetime
) -> Attempt | None:
    """A dearer form at the same nonce: of the call, or of what cancels it once that was asked for.

    Not new work, so no breaker stops it. Raises FeeCeilingReached and other ChainErrors, and
    SignerError: the earlier forms stay valid then.
    """
    if row.cancel_asked_at is not None:
        return sign_cancel(row=row, newest=newest, world=world, now=now)
    node = world.chain_of(row.token)
    price = _dearer(newest, node)
    form = call_form(row, fees=price)
    if row.kind == ChainTransactionKind.FILL:
        # Where gas pays for data elsewhere, what was enough an hour ago may be refused for ever.
        gas = max(fill_gas(node, row.signer.address), row.gas_limit)
        form = fill_form(row, fees=price, gas=gas)
    return _sign(row, form, after=newest.sequence, world=world, now=now)


def sign_cancel(
    *, row: ChainTransaction, newest: Attempt | None, world: World, now: datetime
) -> Attempt | None:
    """An empty transfer of the key to itself at the row's nonce, dearer than every earlier form.

    It moves nothing, so no breaker stops it. Raises ChainError and SignerError.
    """
    node = world.chain_of(row.token)
    price = node.fees() if newest is None else _dearer(newest, node)
    address = row.signer.address
    form = fill_form(row, fees=price, gas=fill_gas(node, address))
    after = 0 if newest is None else newest.sequence
    return _sign(row, form, after=after, world=world, now=now, cancels=True)


def fill_gas(node: chain.Chain, address: str) -> int:
    """Gas for an empty transfer of a key to itself, as the node estimates it now, with a margin.

    Never more than a key's policy lets it spend on one. Raises ChainError.
    """
    estimate = node.simulate(sender=address, to=address, data=b"")
    wanted = max(estimate * (100 + GAS_MARGIN_PERCENT) // 100, FILL_GAS_MIN)
    return min(wanted, FILL_GAS_MAX)


def wanted_forms(row: ChainTransaction, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The forms to send: all of them, or only those that cancel once that was asked for."""
    return [each for each in attempts if each.cancels or row.cancel_asked_at is None]


def call_form(row: ChainTransaction, *, fees: chain.Fees) -> chain.UnsignedCall:
    """What a signature of the row's call covers at this price."""
    return chain.UnsignedCall(
        chain_id=row.token.chain_id,
        nonce=row.nonce,
        to=row.to_address,
        data=bytes(row.calldata),
        gas=row.gas_limit,
        fees=fees,
    )


def fill_form(row: ChainTransaction, *, fees: chain.Fees, gas: int) -> chain.UnsignedCall:
    """What uses up the row's nonce and does nothing else."""
    return chain.UnsignedCall(
        chain_id=row.token.chain_id,
        nonce=row.nonce,
        to=row.signer.address,
        data=b"",
        gas=gas,
        fees=fees,
    )


def _dearer(newest: Attempt, node: chain.Chain) -> chain.Fees:
    current = node.fees()
    raised = node.bump(chain.Fees(max_fee=newest.max_fee_wei, tip=newest.tip_wei))
    return chain.Fees(
        max_fee=max(raised.max_fee, current.max_fee), tip=max(raised.tip, current.tip)
    )


def _sign(
    row: ChainTransaction,
    form: chain.UnsignedCall,
    *,
    after: int,
    world: World,
    now: datetime,
    cancels: bool = False,
) -> Attempt | None:
    signed = _proven(row, form, world=world)
    kept = services.save_attempts(
        forms=[
            SignedForm(
                chain_transaction_id=row.pk,
                signed=signed,
                fees=form.fees,
                after=after,
                cancels=cancels,
            )
        ],
        now=now,
    )
    failpoint("sign.saved")
    return kept[0] if kept else None


def _proven(
    row: ChainTransaction, form: chain.UnsignedCall, *, world: World
) -> chain.SignedTransaction:
    failpoint("sign.before")
    answer = world.key_for(row.signer.address).sign(form)
    # Whatever the signer claims: only fields and sender that were recovered here count.
    signed = verify_signed(answer.raw, unsigned=form, sender=row.signer.address)
    failpoint("sign.signed")
    return signed


def _give_up(row: ChainTransaction, obstacle: Exception, *, now: datetime) -> None:
    """A call nobody will sign keeps the later nonces of its lane from the chain: cancel it."""
    if row.cancel_asked_at is not None or now - row.created_at < PATIENCE:
        return
    hopeless = isinstance(obstacle, SignerRefused) or _is_in_the_way(row, obstacle)
    if not hopeless or row.kind == ChainTransactionKind.FILL:
        return
    reason = f"not signed for {PATIENCE.seconds} s: {obstacle}"
    services.cancel_transaction(
        chain_transaction_id=row.pk, reason=reason, actor=lanes.PIPELINE, now=now
    )
    failpoint("cancel.asked")


def _is_in_the_way(row: ChainTransaction, obstacle: Exception) -> bool:
    """Only its token or fund is halted, and something that this does not stop waits behind its nonce.

    Another token's transactions, a frozen fund's burns, a cap that falls, or a recovery's fence,
    which the whole network waits for.
    """
    if not isinstance(obstacle, HaltActive):
        return False
    breaker = obstacle.extra.get("breaker")
    if breaker is None or breaker == queries.network_breaker(row.token.network):
        return False
    behind = queries.unfinished(signer=row.signer).filter(nonce__gt=row.nonce)
    waiting = behind.select_related("token__fund", "attestation")
    return any(breaker not in lanes.breakers_of(each) for each in waiting)
