"""One door for status: a table of lawful moves, a conditional UPDATE and an Event beside it.

``move`` changes one row, ``move_many`` the rows of a batch in one statement under the same rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from django.db import connection
from django.db.models import Field, Model

from core import events
from core.actors import Actor
from core.bulk import array_of, array_text, array_type
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
    _require_lawful(row, to, table)
    changed = type(row)._default_manager.filter(pk=row.pk, status=before, version=row.version)
    if changed.update(status=to, version=row.version + 1, **changes) != 1:
        raise _lost(row)
    row.status = to  # type: ignore[attr-defined]
    row.version += 1
    for name, value in changes.items():
        setattr(row, name, value)
    said = events.of_change(row=row, before=before, event_type=event_type, data=data or {})
    events.record_many([said], actor=actor, now=now)
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row's part of ``move_many``: where it goes, other columns, and what its event says."""

    row: PublicRow
    to: str
    data: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, object] = field(default_factory=dict)
    event_type: str = ""


def move_many(moves: Sequence[Transition], *, table: Table, actor: Actor, now: datetime) -> None:
    """Make every move of a batch, or none: what as many calls of ``move`` would do.

    One conditional UPDATE per model and set of changed columns, with each row's status and
    version checked; the events follow in the order of ``moves``. Rows are locked in id order.

    Raises StateConflict, naming the first row that the table forbids to move or that another
    process moved first; the use case then rolls back everything.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("move_many() needs the use case's transaction")
    if len({(type(each.row), each.row.pk) for each in moves}) != len(moves):
        raise ValueError("a row moves once in a batch")
    for each in moves:
        _require_lawful(each.row, each.to, table)
    changed = {pk for group in _alike(moves) for pk in _update(group)}
    for each in moves:
        if each.row.pk not in changed:
            raise _lost(each.row)
    said = []
    for each in moves:
        before = cast("_Stated", each.row).status
        _follow(each)
        said.append(
            events.of_change(
                row=each.row, before=before, event_type=each.event_type, data=each.data
            )
        )
    events.record_many(said, actor=actor, now=now)


class _Stated(Protocol):
    status: str
    version: int


def _require_lawful(row: PublicRow, to: str, table: Table) -> None:
    before = cast("_Stated", row).status
    if to not in table[before]:
        raise StateConflict(f"{row.public_id} is {before} and cannot become {to}.", state=before)


def _lost(row: PublicRow) -> StateConflict:
    state = cast("_Stated", row).status
    return StateConflict(f"{row.public_id} was changed by another process.", state=state)


def _alike(moves: Sequence[Transition]) -> list[list[Transition]]:
    """The moves by model and changed columns: each group is one statement."""
    groups: dict[tuple[type[Model], tuple[str, ...]], list[Transition]] = {}
    for each in moves:
        groups.setdefault((type(each.row), tuple(sorted(each.changes))), []).append(each)
    return list(groups.values())


def _update(group: Sequence[Transition]) -> set[object]:
    """Change the rows that are still as we know them, and return their ids."""
    meta = type(group[0].row)._meta
    fields = [cast("Field[Any, Any]", meta.get_field(name)) for name in sorted(group[0].changes)]
    rows = [cast("_Stated", each.row) for each in group]
    columns = [
        array_text([each.row.pk for each in group]),
        array_text([str(row.status) for row in rows]),
        array_text([row.version for row in rows]),
        array_text([str(each.to) for each in group]),
    ] + [
        array_of(column, [each.changes[name] for each in group])
        for name, column in zip(sorted(group[0].changes), fields, strict=True)
    ]
    types = ["uuid", "varchar", "integer", "varchar", *map(array_type, fields)]
    names = ["id", "was", "version", "becomes", *(f"change_{n}" for n in range(len(fields)))]
    changes = "".join(
        f', "{column.column}" = wanted.change_{number}' for number, column in enumerate(fields)
    )
    statement = f"""
        WITH wanted AS MATERIALIZED (
            SELECT * FROM unnest({", ".join(f"%s::{each}[]" for each in types)})
                AS wanted ({", ".join(names)})
        ), locked AS MATERIALIZED (
            SELECT id FROM "{meta.db_table}" WHERE id = ANY(%s::uuid[])
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE "{meta.db_table}" AS target
        SET status = wanted.becomes, version = target.version + 1{changes}
        FROM wanted
        -- Asked before the first row is changed: every row is locked by then, in the one order. No join
        -- with what is locked: the planner would take two such joins for hardly any rows, and compare
        -- each of a thousand with each.
        WHERE (SELECT count(*) FROM locked) > 0
            -- Named twice: by the join alone it would read a table of fifty thousand rows whole.
            AND target.id = ANY(%s::uuid[]) AND target.id = wanted.id
            AND target.status = wanted.was AND target.version = wanted.version
        RETURNING target.id
    """  # noqa: S608 - every name is a column of our own models
    with connection.cursor() as cursor:
        cursor.execute(statement, [*columns, columns[0], columns[0]])
        return {row[0] for row in cursor.fetchall()}


def _follow(move: Transition) -> None:
    """The row in memory as the database has it now."""
    move.row.status = move.to  # type: ignore[attr-defined]
    move.row.version += 1
    for name, value in move.changes.items():
        setattr(move.row, name, value)
