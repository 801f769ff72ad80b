"""One door for status: a table of lawful moves, a conditional UPDATE and an Event beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection

from core import events
from core.actors import Actor
from core.errors import StateConflict
from core.rows import PublicRow
from core.states import Table

Row = TypeVar("Row", bound=PublicRow)


def move(
    row: Row,
    *,
    to: str,
    table: Table,
    actor: Actor,
    now: datetime,
    event_type: str = "",
    data: Mapping[str, Any] | None = None,
    **changes: object,
) -> Row:
    """Change ``row.status`` to ``to``, with any other column in ``changes``, and record the event.

    ``table`` maps each status to the statuses it may become; a final status maps to an empty set.
    ``event_type`` defaults to ``<object>.<status in lower case>``. The row must offer
    ``institution_id`` (None for the issuer's own objects) and ``OBJECT``.

    Raises StateConflict when the table forbids the move or another process moved the row first.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("move() needs the use case's transaction")
    before: str = row.status  # type: ignore[attr-defined]
    if to not in table[before]:
        raise StateConflict(f"{row.public_id} is {before} and cannot become {to}.", state=before)
    changed = type(row)._default_manager.filter(pk=row.pk, status=before, version=row.version)
    if changed.update(status=to, version=row.version + 1, **changes) != 1:
        raise StateConflict(f"{row.public_id} was changed by another process.", state=before)
    row.status = to  # type: ignore[attr-defined]
    row.version += 1
    for name, value in changes.items():
        setattr(row, name, value)
    events.record_change(
        row=row, before=before, event_type=event_type, actor=actor, now=now, data=data or {}
    )
    return row
