"""The signed forms of transactions: kept before anybody sends them, and what was said to each sending."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.bulk import insert_many, update_many
from core.failpoints import failpoint
from core.lean import read_many
from core.transitions import Transition, move_many
from core.use_case import use_case
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction, ChainTransactionOrder, Order
from issuance.services import lanes
from issuance.services.inclusion import NOTE_LENGTH_MAX
from issuance.services.lanes import PIPELINE
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    CHAIN_TRANSACTION_TRANSITIONS,
    ChainTransactionKind,
    ChainTransactionStatus,
)

# Their orders show the hash; a redemption that is called back was never on its way.
ORDER_KINDS = frozenset({ChainTransactionKind.MINT, ChainTransactionKind.BURN})
# Nobody took the bytes, so they are sent again at the next look.
_NOT_DELIVERED = frozenset(
    {chain.SendKind.UNREACHABLE, chain.SendKind.RATE_LIMITED, chain.SendKind.WRONG_CHAIN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedForm:
    """A form of a numbered transaction, proven and not yet kept.

    ``after`` is the sequence of the newest form the caller knew when it asked the signer, 0 before
    the first; ``signed`` has passed verify_signed.
    """

    chain_transaction_id: uuid.UUID
    signed: chain.SignedTransaction
    fees: chain.Fees
    after: int = 0
    cancels: bool = False

    def is_wanted(self, row: ChainTransaction, *, newest: int) -> bool:
        """Whether it still follows the form kept last, and is of the kind that is asked for now."""
        return (
            row.status not in CHAIN_TRANSACTION_FINAL
            and newest == self.after
            and self.cancels == (row.cancel_asked_at is not None)
        )

    @property
    def is_first_of_call(self) -> bool:
        """Whether it brings something new into the world; dearer and cancelling ones do not."""
        return self.after == 0 and not self.cancels


@use_case
def save_attempts(*, forms: Sequence[SignedForm], now: datetime) -> list[Attempt]:
    """Keep signed forms of several transactions before anyone sends them, by signer and nonce.

    Left out are those of which somebody else has kept another form meanwhile, and those no longer
    wanted: their bytes must be thrown away unsent. Raises HaltActive when a breaker of any of them
    forbids its first form: then none is kept.
    """
    by_row = {form.chain_transaction_id: form for form in forms}
    rows = lanes.lock_transactions(ids=by_row)
    known = Counter(
        Attempt.objects.filter(chain_transaction__in=rows).values_list(
            "chain_transaction_id", flat=True
        )
    )
    wanted = [row for row in rows if by_row[row.pk].is_wanted(row, newest=known[row.pk])]
    begun = [row for row in wanted if by_row[row.pk].is_first_of_call]
    lanes.require_signable(*begun)
    wanted.sort(key=lambda row: (row.signer_id, row.nonce))
    attempts = [
        Attempt(
            chain_transaction=row,
            sequence=form.after + 1,
            cancels=form.cancels,
            tx_hash=form.signed.hash,
            raw=form.signed.raw,
            max_fee_wei=form.fees.max_fee,
            tip_wei=form.fees.tip,
            created_at=now,
        )
        for row in wanted
        for form in [by_row[row.pk]]
    ]
    insert_many(attempts)
    _name_hashes({row.pk: by_row[row.pk].signed.hash for row in begun if row.kind in ORDER_KINDS})
    failpoint("sign.precommit")
    return attempts


def _name_hashes(hashes: Mapping[uuid.UUID, str]) -> None:
    """The hash a client may look for, from the moment there are bytes that have it.

    Inside the transaction that has just kept the first forms of these chain transactions.
    """
    bindings = ChainTransactionOrder.objects.filter(chain_transaction__in=list(hashes), live=True)
    carriers = dict(bindings.values_list("order_id", "chain_transaction_id"))
    rows = Order.objects.filter(pk__in=list(carriers)).order_by("pk")
    orders = read_many(rows.select_for_update(no_key=True), ("id", "version"))
    for order in orders:
        order.tx_hash = hashes[carriers[order.pk]]
        order.version += 1
    update_many(orders, names=["tx_hash", "version"])


@use_case
def record_broadcasts(
    *,
    ids: Iterable[uuid.UUID],
    answers: Mapping[str, chain.SendAnswer],
    look_in: timedelta,
    now: datetime,
) -> None:
    """Note that saved bytes of these transactions were sent and what each node said.

    ``answers`` maps the hash of each form that was sent to the node's remark, which decides nothing.
    One that has ended meanwhile, while its bytes were under way, is not looked at again.
    """
    rows = lanes.lock_transactions(ids=ids)
    forms = Attempt.objects.filter(chain_transaction__in=rows, tx_hash__in=list(answers))
    sent = list(forms.defer("raw"))
    for attempt in sent:
        _note(attempt, answer=answers[attempt.tx_hash], now=now)
    update_many(sent, names=["sent_count", "last_sent_at", "last_answer"])
    sent_ids = {attempt.chain_transaction_id for attempt in sent}
    fresh, again = [], []
    for row in rows:
        if row.status == ChainTransactionStatus.ASSIGNED and row.pk in sent_ids:
            fresh.append(row)
        elif row.status not in CHAIN_TRANSACTION_FINAL:
            again.append(row.pk)
    ChainTransaction.objects.filter(pk__in=again).update(
        next_attempt_at=now + look_in, leased_until=None
    )
    changes = {"sent_at": now, "next_attempt_at": now + look_in, "leased_until": None}
    moves = [
        Transition(row=row, to=ChainTransactionStatus.SENT, changes=changes.copy()) for row in fresh
    ]
    move_many(moves, table=CHAIN_TRANSACTION_TRANSITIONS, actor=PIPELINE, now=now)
    failpoint("broadcast.record.precommit")


def _note(attempt: Attempt, *, answer: chain.SendAnswer, now: datetime) -> None:
    """What became of one sending, in the row's columns; not yet saved."""
    attempt.sent_count += 1
    if answer.kind not in _NOT_DELIVERED:
        attempt.last_sent_at = now
    attempt.last_answer = f"{answer.kind}: {answer.detail}"[:NOTE_LENGTH_MAX]
