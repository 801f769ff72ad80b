"""Walls between the pieces of a tick: an error nobody foresaw stays with the piece it met.

Obstacles that are foreseen (a node, a refusal, a halt) are met where the work is done. What reaches
a wall is a fault of ours: it is logged with its traceback, written down for people, and the tick
goes on with its other pieces. A database that is away concerns them all and passes every wall.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import walk_tb
from types import TracebackType
from typing import TypeVar

import structlog

from core.errors import DomainError
from core.outage import is_outage
from issuance.chain.errors import ChainError, SignerError
from issuance.models import Token
from issuance.services import troubles
from issuance.states import Work

# What a row shows that met a fault, and how long it waits: a fault seldom mends itself.
FAULT = "internal_error"
FAULT_WAIT = timedelta(seconds=30)
_OURS = ("core.", "kyc.", "custody.", "issuance.")
_log = structlog.get_logger(__name__)

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of work: what is done, on which network, for the token of which symbol."""

    work: Work
    network: str
    subject: str = ""

    @classmethod
    def of(cls, work: Work, token: Token) -> "Piece":
        """The work on one token."""
        return cls(work, token.network, token.symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Around one piece of work (``with``): when an error reaches it, what follows the block goes on.

    ``let_wait`` is called with the remark, to let a row wait with it; a fault of its own leaves the
    row to its lease. ``passing`` are errors that the caller meets itself.
    """

    piece: Piece
    now: datetime
    let_wait: Callable[[str], object] | None = None
    passing: tuple[type[Exception], ...] = ()

    def __enter__(self) -> None:
        """Begin the piece of work."""

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        """Hold an error back; not one of ``passing``, of a database that is away, or of no fault."""
        if not isinstance(error, Exception) or isinstance(error, self.passing) or is_outage(error):
            return False
        note = _report(self.piece, error, now=self.now)
        if self.let_wait is not None:
            with Wall(piece=self.piece, now=self.now):
                self.let_wait(note)
        return True


def by_halves(
    rows: Sequence[Row],
    work: Callable[[Sequence[Row]], int],
    *,
    piece: Piece,
    give_up: Callable[[Row], object],
    now: datetime,
    passing: tuple[type[Exception], ...] = (),
) -> int:
    """Do what is done for rows together; on a fault each half by itself, until one stands alone.

    That one is given up for now, by ``give_up``. Returns the sum of what ``work`` returned.
    """
    with Wall(piece=piece, now=now, passing=passing):
        return work(rows)
    if len(rows) == 1:
        with Wall(piece=piece, now=now):
            give_up(rows[0])
        return 0
    middle = len(rows) // 2
    return sum(
        by_halves(half, work, piece=piece, give_up=give_up, now=now, passing=passing)
        for half in (rows[:middle], rows[middle:])
    )


def _report(piece: Piece, error: Exception, *, now: datetime) -> str:
    note = _remark(error)
    code = error.code if isinstance(error, DomainError | ChainError | SignerError) else FAULT
    _log.error(
        "work_failed",
        work=piece.work,
        network=piece.network,
        subject=piece.subject,
        error=note,
        exc_info=error,
    )
    troubles.record_trouble(
        work=piece.work,
        network=piece.network,
        subject=piece.subject,
        code=code,
        note=note,
        ours=True,
        now=now,
    )
    return note


def _remark(error: Exception) -> str:
    """What it was and where in our code; never its text, which may quote a row."""
    frames = [
        (frame.f_globals.get("__name__", ""), line) for frame, line in walk_tb(error.__traceback__)
    ]
    ours = [f"{name}, line {line}" for name, line in frames if name.startswith(_OURS)]
    return f"{type(error).__name__} at {ours[-1]}" if ours else type(error).__name__
