"""Processes that prepare the chain benchmark's orders side by side; light, for they are spawned."""

import multiprocessing
import uuid

FILLERS = 2
# So few are made sooner than a filler starts.
FEW = 500


def fill(token_id: uuid.UUID, *, count: int, mark: str) -> None:
    """Make ``count`` approved mint orders, spread over the fillers when they are many."""
    if count <= FEW:
        _fill_part((token_id, count, f"{mark}-0"))
        return
    share = [
        (token_id, count // FILLERS, f"{mark}-0"),
        (token_id, count - count // FILLERS, f"{mark}-1"),
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(FILLERS, initializer=_setup) as pool:
        pool.map(_fill_part, share, chunksize=1)


def _setup() -> None:
    import django  # noqa: PLC0415 - in the filler's own process

    django.setup()


def _fill_part(part: tuple[uuid.UUID, int, str]) -> None:
    from bench import chain_rows  # noqa: PLC0415 - needs django.setup()
    from issuance.states import OrderStatus  # noqa: PLC0415 - as above

    token_id, count, mark = part
    chain_rows.make_orders(token_id=token_id, count=count, status=OrderStatus.QUEUED, mark=mark)
