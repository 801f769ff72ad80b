"""Stages made once in a process and brought back for other tests: rows and chain as they were.

Making one ready takes a second of work, and of the same tests of it every time. Whatever a test
does to its own copy, rows, chain or objects, the next one begins with what was kept.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from config.devstack.anvil import Anvil
from issuance import queries
from issuance.models import Token
from tests.issuance.stage import Stage
from tests.tables import PAST_FOREIGN_KEYS, may_go_past_foreign_keys, tables

AnyStage = TypeVar("AnyStage", bound=Stage)
# An older one is made anew: nothing of it has become due by then, and no clock is far behind.
SECONDS_MAX = 60


@dataclass(frozen=True)
class _Kept(Generic[AnyStage]):
    stage: AnyStage
    rows: dict[str, bytes]
    chain: str
    made_at: float


_kept: dict[Hashable, _Kept[Any]] = {}


def bring(kind: Hashable, anvil: Anvil, make: Callable[[], AnyStage]) -> AnyStage:
    """The stage of this kind on a fresh ``anvil``, before empty tables; ``make`` makes the first.

    Its committed rows are of the same keys each time. Where nobody may go past foreign
    keys, every stage is made.
    """
    found = _kept.get(kind)
    if found is None or time.monotonic() - found.made_at > SECONDS_MAX:
        made_at, stage = time.monotonic(), make()
        if may_go_past_foreign_keys():
            _kept[kind] = _Kept(stage.again(anvil), _rows(), dumped(anvil), made_at)
        return stage
    _put_rows_back(found.rows)
    put_back(anvil, found.chain)
    return cast("AnyStage", found.stage.again(anvil))


def dumped(anvil: Anvil) -> str:
    """The whole chain, with what could be asked of its earlier blocks."""
    return str(anvil.rpc("anvil_dumpState", True))


def put_back(anvil: Anvil, chain: str) -> None:
    """Make a fresh chain what was dumped of another one."""
    anvil.rpc("anvil_loadState", chain)
    # The head is as young as on a chain that was just begun.
    anvil.mine()


def _rows() -> dict[str, bytes]:
    """What every table holds that is not empty."""
    with connection.cursor() as cursor:
        copied = {name: b"".join(_out(cursor, name)) for name in tables()}
    return {name: rows for name, rows in copied.items() if rows}


def _out(cursor: CursorWrapper, name: str) -> Iterator[bytes]:
    with cursor.copy(f'COPY "{name}" TO STDOUT') as copy:
        yield from (bytes(part) for part in copy)


def _put_rows_back(rows: dict[str, bytes]) -> None:
    with connection.cursor() as cursor, transaction.atomic(durable=True):
        cursor.execute(PAST_FOREIGN_KEYS)
        for name, held in rows.items():
            with cursor.copy(f'COPY "{name}" FROM STDIN') as copy:
                copy.write(held)
        # Sequences remember what earlier tests drew of them.
        for token_id in Token.objects.values_list("pk", flat=True):
            cursor.execute(f"ALTER SEQUENCE {queries.sequence_name(token_id)} RESTART")
