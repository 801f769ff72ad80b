"""Recovery after lost commits: doubt, jump, fence, ask, and only then go on signing.

What a lost transaction could still do is bounded: it used a nonce we no longer know of, at most a
window above those that blocks held. Each of those nonces gets a transaction that does
nothing. When all of them are final, every lost transaction is mined or dead for ever, and asking
the chain by order id at finality tells the whole truth.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from core import breakers, events, history
from core.actors import Actor
from core.errors import DomainError
from core.failpoints import failpoint
from core.ids import new_uuid
from core.transitions import move
from core.use_case import use_case
from custody import ledger
from issuance import queries
from issuance.models import (
    ChainTransaction,
    Fence,
    NetworkGate,
    Order,
    Recovery,
    Signer,
    Token,
)
from issuance.models.gates import Recovering
from issuance.services.lanes import PIPELINE, in_flight_max
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    NETWORK_TRANSITIONS,
    RECOVERY_TRANSITIONS,
    ChainTransactionKind,
    NetworkStatus,
    RecoveryCause,
    RecoveryStatus,
)

# More order ids than any failover can lose; a bigint has room for ever so many jumps.
SEQUENCE_JUMP = 1_000_000
SEQUENCE_STEP = 1_000
# Ids above are nobody's sequence: following one there would use up the rest of it.
SEQUENCE_MAX = 2**62
FENCE_ROWS_MAX = 10_000
# More nonces of one key than a day of full blocks can use: whoever claims it of finality lies.
USED_UP_MAX = 10_000_000
# One for what was outside a block, one for what a reorganisation has taken out of blocks since.
WINDOWS = 2
NOTE_LENGTH_MAX = 200


class GateMissing(DomainError):
    """The network has neither a signer nor a token."""

    code = "network_unknown"
    title = "No token is issued on that network."


@use_case
def begin_recovery(
    *, network: str, cause: RecoveryCause, reason: str, actor: Actor = PIPELINE, now: datetime
) -> Recovery | None:
    """Shut the network's gate and leave every order id behind that may have been given out.

    During a recovery a further failover or an operator starts it anew; None when there is nothing
    new. Raises GateMissing.
    """
    gate = _gate_for_update(network)
    is_new_history = gate.mark != history.mark()
    if cause == RecoveryCause.FAILOVER and not is_new_history:
        return None
    if cause == RecoveryCause.ORDER_ID and gate.status == NetworkStatus.RECOVERING:
        return None
    return _begin(gate, cause, reason, actor=actor, now=now)


@use_case
def doubt_nonce(*, signer_id: uuid.UUID, seen: int, now: datetime) -> Recovery | None:
    """The chain has seen ``seen`` nonces of a key that gave out fewer: recover, and halt for a person.

    Without a failover that explains it the key is shared or stolen. None when the counter has
    caught up meanwhile, or when a recovery that has not raised its fences yet will do so.
    """
    signer = Signer.objects.get(pk=signer_id)
    gate = _gate_for_update(signer.network)
    signer = Signer.objects.select_for_update(no_key=True).get(pk=signer_id)
    if seen <= signer.next_nonce or gate.mark != history.mark():
        return None
    running = _running(signer.network)
    if running is not None and running.status == RecoveryStatus.BEGUN:
        return None
    reason = f"{signer.address}: chain nonce {seen}, ours {signer.next_nonce}"
    breakers.open_breaker(
        name=queries.network_breaker(signer.network), reason=reason, actor=PIPELINE, now=now
    )
    return _begin(gate, RecoveryCause.NONCE, reason, actor=PIPELINE, now=now)


def _begin(
    gate: NetworkGate, cause: RecoveryCause, reason: str, *, actor: Actor, now: datetime
) -> Recovery:
    network, mark = gate.network, history.mark()
    running = _running(network)
    is_new_history = gate.mark != mark
    _jump_sequences(network)
    NetworkGate.objects.filter(pk=gate.pk).update(mark=mark)
    # The chain may know mints that no order tells of any more: no share leaves custody meanwhile.
    tokens = queries.tokens().filter(network=network).order_by()
    ledger.doubt_claims(fund_ids=set(tokens.values_list("fund_id", flat=True)))
    gate.mark = mark
    reason = reason[:400]
    if running is None:
        running = Recovery(
            id=new_uuid(), created_at=now, network=network, cause=cause, reason=reason
        )
        running.save(force_insert=True)
        move(
            gate,
            to=NetworkStatus.RECOVERING,
            table=NETWORK_TRANSITIONS,
            actor=actor,
            now=now,
            data={"network": network, "cause": cause.lower(), "reason": reason},
        )
        _note(running, "recovery.begun", actor=actor, now=now)
    elif running.status != RecoveryStatus.BEGUN or is_new_history:
        move(
            running,
            to=RecoveryStatus.BEGUN,
            table=RECOVERY_TRANSITIONS,
            actor=actor,
            now=now,
            event_type="recovery.begun",
            data={"network": network, "cause": cause.lower(), "round": running.round + 1},
            round=running.round + 1,
            cause=cause,
            reason=reason,
            horizon_block=None,
            asked_through=None,
        )
    failpoint("recover.begin.precommit")
    return running


@use_case
def raise_fence(
    *,
    recovery_id: uuid.UUID,
    signer_id: uuid.UUID,
    seen: int,
    used_up: int,
    gas: int,
    now: datetime,
) -> Fence | None:
    """Number a transaction that does nothing for every nonce a lost one could use, once a round.

    ``seen`` is the highest count of nonces the chain shows, mined or waiting; no more than a window
    was ever numbered above what blocks held. ``used_up`` is the count at finality: what took those
    nonces is asked about by order id, and nothing else can take them. ``gas`` is what each row may
    use. None when the round has its fence for this signer, another round has begun, or the chain
    claims to be too far ahead, which halts the network. Raises HaltActive while the network is
    halted, and Recovering when the history changed.
    """
    recovery = step(recovery_id=recovery_id, status=RecoveryStatus.BEGUN)
    if recovery is None:
        return None
    signer = Signer.objects.select_for_update(no_key=True).get(pk=signer_id)
    mine = {"recovery": recovery, "round": recovery.round, "signer": signer}
    if Fence.objects.filter(**mine).exists():
        return None
    breakers.require_closed(queries.network_breaker(recovery.network))
    first = max(signer.next_nonce, used_up)
    last = max(seen, first) + WINDOWS * in_flight_max(recovery.network) - 1
    token = Token.objects.filter(network=recovery.network).order_by("pk").first()
    if last - first >= FENCE_ROWS_MAX or first - signer.next_nonce > USED_UP_MAX:
        _refuse_width(signer, first, last, now=now)
        return None
    if token is not None:
        _fill(signer, token, first, last, gas=gas, now=now)
    else:  # without a token nothing was ever numbered
        last = first - 1
    fence = Fence.objects.create(**mine, first_nonce=first, last_nonce=last, raised_at=now)
    data = {"signer": signer.address, "first_nonce": first, "last_nonce": last}
    _note(recovery, "recovery.fence_raised", now=now, data=data)
    failpoint("recover.fence.precommit")
    return fence


@use_case
def record_fenced(*, recovery_id: uuid.UUID, now: datetime) -> bool:
    """Every signer of the network has its fence of this round."""
    recovery = step(recovery_id=recovery_id, status=RecoveryStatus.BEGUN)
    if recovery is None:
        return False
    fenced = Fence.objects.filter(recovery=recovery, round=recovery.round).values("signer_id")
    if Signer.objects.filter(network=recovery.network).exclude(pk__in=fenced).exists():
        return False
    _advance(recovery, RecoveryStatus.FENCED, now=now)
    return True


@use_case
def record_fence_final(*, recovery_id: uuid.UUID, horizon_block: int, now: datetime) -> bool:
    """Nothing at or below a fence is unfinished: ``horizon_block``, read after that, shows it all.

    False while a transaction there is not final.
    """
    recovery = step(recovery_id=recovery_id, status=RecoveryStatus.FENCED)
    if recovery is None or unfinished_behind(recovery).exists():
        return False
    _advance(recovery, RecoveryStatus.ASKING, now=now, horizon_block=horizon_block)
    return True


@use_case
def end_recovery(*, recovery_id: uuid.UUID, now: datetime) -> bool:
    """Every order was asked about: the gate opens."""
    recovery = step(recovery_id=recovery_id, status=RecoveryStatus.ASKING)
    if recovery is None:
        return False
    gate = NetworkGate.objects.get(network=recovery.network)
    _advance(recovery, RecoveryStatus.DONE, now=now, ended_at=now)
    move(
        gate,
        to=NetworkStatus.OPERATING,
        table=NETWORK_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data={"network": recovery.network, "recovery_id": recovery.public_id},
    )
    failpoint("recover.end.precommit")
    return True


@use_case
def note_recovery(*, recovery_id: uuid.UUID, note: str) -> None:
    """What a recovery waits for, for people."""
    Recovery.objects.filter(pk=recovery_id).update(last_note=note[:NOTE_LENGTH_MAX])


@use_case
def raise_sequence(*, token_id: uuid.UUID, above: int) -> None:
    """Never give out an order id that the chain has used up; never lowers the sequence."""
    _raise(token_id, above)


def unfinished_behind(recovery: Recovery) -> Any:  # noqa: ANN401 - a QuerySet of ChainTransaction
    """Transactions of the round's fences, and older ones of the same lanes, that are not final."""
    fences = Fence.objects.filter(recovery=recovery, round=recovery.round)
    rows = ChainTransaction.objects.none()
    for fence in fences:
        rows |= ChainTransaction.objects.filter(
            signer_id=fence.signer_id, nonce__lte=fence.last_nonce
        )
    return rows.exclude(status__in=CHAIN_TRANSACTION_FINAL)


def _gate_for_update(network: str) -> NetworkGate:
    try:
        return NetworkGate.objects.select_for_update(no_key=True).get(network=network)
    except NetworkGate.DoesNotExist:
        raise GateMissing from None


def step(*, recovery_id: uuid.UUID, status: RecoveryStatus) -> Recovery | None:
    """The recovery under its gate's lock, if it still stands there; Raises Recovering.

    A further failover changes the mark: whatever this step would conclude is void.
    """
    recovery = Recovery.objects.get(pk=recovery_id)
    gate = _gate_for_update(recovery.network)
    if gate.mark != history.mark():
        raise Recovering(network=recovery.network)
    recovery = Recovery.objects.select_for_update(no_key=True).get(pk=recovery_id)
    return recovery if recovery.status == status else None


def _running(network: str) -> Recovery | None:
    rows = Recovery.objects.select_for_update(no_key=True).filter(network=network)
    return rows.exclude(status=RecoveryStatus.DONE).first()


def _advance(
    recovery: Recovery,
    to: RecoveryStatus,
    *,
    now: datetime,
    horizon_block: int | None = None,
    ended_at: datetime | None = None,
) -> None:
    horizon = horizon_block if horizon_block is not None else recovery.horizon_block
    data = {"network": recovery.network, "round": recovery.round, "horizon_block": horizon}
    move(
        recovery,
        to=to,
        table=RECOVERY_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=data,
        last_note="",
        horizon_block=horizon,
        ended_at=ended_at,
    )


def _note(
    recovery: Recovery,
    event_type: str,
    *,
    actor: Actor = PIPELINE,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    facts = {"network": recovery.network, "cause": recovery.cause.lower(), "round": recovery.round}
    events.record(
        event_type=event_type, row=recovery, actor=actor, now=now, data=facts | dict(data or {})
    )


def _fill(signer: Signer, token: Token, first: int, last: int, *, gas: int, now: datetime) -> None:
    rows = [
        ChainTransaction(
            id=new_uuid(),
            created_at=now,
            signer=signer,
            token=token,
            kind=ChainTransactionKind.FILL,
            nonce=nonce,
            to_address=signer.address,
            calldata=b"",
            gas_limit=gas,
            next_attempt_at=now,
        )
        for nonce in range(first, last + 1)
    ]
    ChainTransaction.objects.bulk_create(rows)
    signer.next_nonce = last + 1
    signer.save(update_fields=["next_nonce"])


def _refuse_width(signer: Signer, first: int, last: int, *, now: datetime) -> None:
    breakers.open_breaker(
        name=queries.network_breaker(signer.network),
        reason=f"{signer.address}: the chain is {last - signer.next_nonce + 1} nonces ahead of us,"
        f" {last - first + 1} of them not final: a lie, or a very old backup",
        actor=PIPELINE,
        now=now,
    )


def _jump_sequences(network: str) -> None:
    for token in Token.objects.filter(network=network):
        orders = Order.objects.filter(token=token)
        highest = orders.aggregate(highest=Max("onchain_id"))["highest"] or 0
        _raise(token.pk, max(highest, queries.last_onchain_id(token_id=token.pk)) + SEQUENCE_JUMP)


def _raise(token_id: uuid.UUID, above: int) -> None:
    if above > SEQUENCE_MAX:
        return
    with connection.cursor() as cursor:
        name = queries.sequence_name(token_id)
        # Never down, and far enough up that an id given out at this instant stays below.
        cursor.execute(
            f"SELECT setval(%s::regclass, %s) FROM {name} WHERE last_value < %s",  # noqa: S608 - our own hex
            [name, above + SEQUENCE_STEP, above],
        )
