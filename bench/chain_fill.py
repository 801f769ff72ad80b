"""Processes that prepare the chain benchmark's orders side by side; light, for they are spawned."""

import multiprocessing
import uuid
from collections.abc import Iterator

FILLERS = 2
# So few are made sooner than a filler starts.
FEW = 500
PART = 5_000  # between two words about how far it has come


def fill(token_id: uuid.UUID, *, count: int, mark: str) -> Iterator[int]:
    """Make ``count`` approved mint orders, spread over the fillers when they are many.

    Yields how many there are by now, again and again.
    """
    parts = [
        (token_id, min(PART, count - first), f"{mark}-{first}") for first in range(0, count, PART)
    ]
    made = 0
    if count <= FEW:
        for part in parts:
            made += _fill_part(part)
            yield made
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(FILLERS, initializer=_setup) as pool:
        for done in pool.imap_unordered(_fill_part, parts, chunksize=1):
            made += done
            yield made


def _setup() -> None:
    import django  # noqa: PLC0415 - in the filler's own process

    django.setup()


def _fill_part(part: tuple[uuid.UUID, int, str]) -> int:
    from bench import chain_rows  # noqa: PLC0415 - needs django.setup()
    from issuance.states import OrderStatus  # noqa: PLC0415 - as above

    token_id, count, mark = part
    chain_rows.make_orders(token_id=token_id, count=count, status=OrderStatus.QUEUED, mark=mark)
    return count
