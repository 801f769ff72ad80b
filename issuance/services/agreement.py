"""Two witnesses of one transaction: its receipt, and the follower's own reading of the blocks.

The receipt is asked for by hash, the record comes from the contract's logs block by block. Nothing
settles before both say the same, so neither a lying receipt nor a gap in the logs moves a share.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from core import breakers
from issuance import queries
from issuance.chain import types as chain
from issuance.models import ChainCursor, ChainTransaction, TokenLog
from issuance.services.lanes import PIPELINE

# The follower reads each block once; what still differs after this differs for good.
PATIENCE = timedelta(seconds=10)


class Agreement(StrEnum):
    """WAITS: the follower has not come to the receipt's block."""

    AGREES = "agrees"
    WAITS = "waits"
    DIFFERS = "differs"


def judge(
    *, token_id: uuid.UUID, address: str, receipts: Sequence[chain.Receipt]
) -> dict[str, Agreement]:
    """For each receipt by its hash, whether the record holds exactly the token's logs in it.

    The same block hash and the same places, nothing more and nothing less, also for a transaction
    that failed and has none. Two queries however many receipts.
    """
    cursor = ChainCursor.objects.filter(token_id=token_id).values_list("block", flat=True).first()
    places: dict[str, set[tuple[str, int]]] = {}
    rows = TokenLog.objects.canonical().filter(
        token_id=token_id, tx_hash__in=[receipt.tx_hash for receipt in receipts]
    )
    for tx_hash, block_hash, index in rows.values_list("tx_hash", "block_hash", "log_index"):
        places.setdefault(tx_hash, set()).add((block_hash, index))
    found = {}
    for receipt in receipts:
        said = {
            (log.block_hash, log.index)
            for log in receipt.logs
            if log.address.lower() == address.lower()
        }
        if cursor is None or cursor < receipt.block_number:
            found[receipt.tx_hash] = Agreement.WAITS
        else:
            agrees = said == places.get(receipt.tx_hash, set())
            found[receipt.tx_hash] = Agreement.AGREES if agrees else Agreement.DIFFERS
    return found


def verdict(row: ChainTransaction, *, receipt: chain.Receipt) -> Agreement:
    """The same for one transaction."""
    found = judge(token_id=row.token_id, address=row.token.address, receipts=[receipt])
    return found[receipt.tx_hash]


def agrees(row: ChainTransaction, *, receipt: chain.Receipt, now: datetime) -> bool:
    """Whether a locked transaction may settle by its receipt; otherwise it is noted why not."""
    found = verdict(row, receipt=receipt)
    note_verdicts(verdicts={receipt.tx_hash: found}, rows={receipt.tx_hash: row}, now=now)
    return found is Agreement.AGREES


def note_verdicts(
    *,
    verdicts: Mapping[str, Agreement],
    rows: Mapping[str, ChainTransaction],
    now: datetime,
) -> None:
    """Remember since when transactions (by receipt hash) contradict the record; halt for lasting ones.

    Inside the caller's transaction, with the rows locked.
    """
    for tx_hash, row in rows.items():
        verdict, since = verdicts[tx_hash], row.disagreed_since
        if verdict is Agreement.AGREES and since is not None:
            ChainTransaction.objects.filter(pk=row.pk).update(disagreed_since=None)
        if verdict is not Agreement.DIFFERS:
            continue
        if since is None:
            ChainTransaction.objects.filter(pk=row.pk).update(disagreed_since=now)
        elif now - since >= PATIENCE:
            breakers.open_breaker(
                name=queries.token_breaker(row.token),
                reason=f"{row.public_id}: receipt {tx_hash} and the recorded events differ",
                actor=PIPELINE,
                now=now,
            )
