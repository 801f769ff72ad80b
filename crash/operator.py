"""The issuer's operator: closes a breaker after a look, and says whether anything is still open."""

import re
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError, connections
from django.utils import timezone

from core import services
from core.actors import Actor, ActorKind
from core.errors import DomainError
from core.models import Breaker
from crash.books import FINISHED
from issuance import services as issuance_services
from issuance.models import ChainCursor, ChainTransaction, Order, TokenLog
from issuance.states import CHAIN_TRANSACTION_FINAL
from tests.issuance.stage import NETWORK, Stage

OPERATOR = Actor(ActorKind.OPERATOR, "crash")
COLLEAGUE = Actor(ActorKind.OPERATOR, "crash-second")
LOOK_SECONDS = 1.0
# An operator needs a moment; meanwhile nothing new may be numbered.
REACTION_SECONDS = 1.0
# What a divided network called final on its other side: our nodes were on that side for seconds.
CHANGED = re.compile(r"finalized block (\d+) has another hash")
REWIND_BLOCKS = 40


class Operator:
    """Two people who believe that every halt was the weather's."""

    def __init__(self, folder: Path) -> None:
        self._log_path = folder / "halts.log"
        self._looked_at = 0.0
        self.closed = 0
        self.completed = 0
        self.taken = 0

    def look(self) -> None:
        """Close what has been open for a moment."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            self._close_all()
        except DatabaseError:
            self.forget_connection()

    def _close_all(self) -> None:
        now = timezone.now()
        for halt in Breaker.objects.filter(status="OPEN"):
            if halt.opened_at and (now - halt.opened_at).total_seconds() < REACTION_SECONDS:
                continue
            with self._log_path.open("a") as log:
                log.write(f"{now} {halt.name}: {halt.reason}\n")
            if changed := CHANGED.search(halt.reason):
                self._rewind(int(changed[1]), now=now)
            services.reset(
                name=halt.name,
                reason="looked at",
                proposed_by=OPERATOR,
                approved_by=COLLEAGUE,
                now=now,
            )
            self.closed += 1

    def _rewind(self, block: int, *, now: datetime) -> None:
        """The runbook's answer to a final block that changed: two people have it read again."""
        # Meanwhile the database may have failed over, and the follower stand further back.
        with suppress(DomainError):
            proposed = issuance_services.propose_rewind(
                network=NETWORK,
                block=max(block - REWIND_BLOCKS, 0),
                reason="a divided network",
                actor=OPERATOR,
                now=now,
            )
            issuance_services.apply_rewind(rewind_id=proposed.pk, actor=COLLEAGUE, now=now)

    def is_quiet(self, stage: Stage) -> bool:
        """Whether every order and every transaction has ended and nothing is halted."""
        try:
            if self._open_orders() or self._open_transactions():
                return False
            if Breaker.objects.filter(status="OPEN").exists():
                return False
        except DatabaseError:
            self.forget_connection()
            return False
        pool = stage.anvil.rpc("txpool_status")
        return int(pool["pending"], 16) == 0

    def ended(self) -> int:
        """How many orders and transactions have ended, or -1 while the database is away."""
        try:
            return (
                Order.objects.filter(status__in=FINISHED).count()
                + ChainTransaction.objects.filter(status__in=CHAIN_TRANSACTION_FINAL).count()
            )
        except DatabaseError:
            self.forget_connection()
            return -1

    def unrest(self) -> str:
        """What has not ended, for the log."""
        rows = Order.objects.exclude(status__in=FINISHED).values_list("status", flat=True)
        waiting = ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL)
        notes = list(waiting.values_list("kind", "status", "nonce", "last_note")[:5])
        return f"orders {sorted(rows)[:20]}, transactions {notes}"

    def record_is_up(self, stage: Stage) -> bool:
        """Whether the follower has recorded everything up to the finalized head."""
        cursor = ChainCursor.objects.get(token=stage.token)
        return cursor.block >= stage.anvil.block_number("finalized")

    def network_is_halted(self) -> bool:
        """Whether the network's breaker is open."""
        return Breaker.objects.filter(name=f"issuance.{NETWORK}", status="OPEN").exists()

    def progress(self) -> str:
        """Orders taken and completed, for people watching."""
        try:
            taken = Order.objects.count()
            done = Order.objects.filter(status="COMPLETED").count()
            logs = TokenLog.objects.count()
            self.completed, self.taken = done, taken
        except DatabaseError:
            self.forget_connection()
            return "no database"
        return f"{taken} orders, {done} completed, {logs} logs"

    def forget_connection(self) -> None:
        """The server has gone: connect again at the next question."""
        connections.close_all()

    @staticmethod
    def _open_orders() -> int:
        return Order.objects.exclude(status__in=FINISHED).count()

    @staticmethod
    def _open_transactions() -> int:
        return ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL).count()
