"""Saved bytes go out; what a node answers is a remark and decides nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.failpoints import failpoint
from issuance import services
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction


def broadcast(
    *,
    row: ChainTransaction,
    attempts: Sequence[Attempt],
    node: chain.Chain,
    look_in: timedelta,
    now: datetime,
) -> None:
    """Send every signed form of the transaction, byte for byte as saved, and note the answers."""
    answers = {}
    for attempt in attempts:
        failpoint("broadcast.before_send")
        answers[attempt.tx_hash] = node.send(bytes(attempt.raw))
        failpoint("broadcast.sent")
    services.record_broadcasts(ids=[row.pk], answers=answers, look_in=look_in, now=now)
    failpoint("broadcast.recorded")


def broadcast_many(
    *, attempts: Sequence[Attempt], node: chain.Chain, look_in: timedelta, now: datetime
) -> None:
    """Send one form each of several transactions in one go, in the order given: of their nonces."""
    failpoint("broadcast.before_send")
    said = node.send_many([bytes(attempt.raw) for attempt in attempts])
    failpoint("broadcast.sent")
    answers = {attempt.tx_hash: answer for attempt, answer in zip(attempts, said, strict=True)}
    ids = {attempt.chain_transaction_id for attempt in attempts}
    services.record_broadcasts(ids=ids, answers=answers, look_in=look_in, now=now)
    failpoint("broadcast.recorded")
