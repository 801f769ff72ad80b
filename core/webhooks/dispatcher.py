"""The dispatcher: claim, send, record, in one asyncio process over PostgreSQL rows.

Waking by NOTIFY is a courtesy; the poll each second is the truth. A killed dispatcher's leases
run out and the same event ids go out again.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import aiohttp
import psycopg
from django.db import close_old_connections, connection
from django.utils import timezone

from core import heartbeats
from core.subscriptions import CHANNEL
from core.webhooks import endings, queue, sender
from core.webhooks.queue import Job, Outcome

IN_FLIGHT_MAX = 200
POLL_SECONDS = 1.0
RECORD_SECONDS = 0.02
GATHER_SECONDS = 0.005
RECORD_MAX = 200
HEARTBEAT_SECONDS = 5.0
STOP_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
NAME = "dispatch_webhooks"
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Dispatcher:
    """One process of the dispatcher. ``run()`` returns after ``stop()``."""

    def __init__(self) -> None:
        # Django's connection belongs to a thread; one thread keeps one connection.
        self._database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._in_flight: dict[asyncio.Task[None], Job] = {}
        self._finished: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.delivered = 0
        self.failed = 0

    def stop(self) -> None:
        """Claim no more, finish what is in flight, record it and return from ``run()``."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Serve until stopped."""
        background = [asyncio.create_task(step()) for step in (self._listen, self._beat)]
        recorder = asyncio.create_task(self._record())
        async with sender.open_session() as session:
            while not self._stopping.is_set():
                claimed = await self._claim(session)
                if claimed == 0:
                    await self._rest()
            await self._drain()
        self._finished.put_nowait(None)
        await recorder
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._in_database(_close)
        self._database.shutdown()

    async def _claim(self, session: aiohttp.ClientSession) -> int:
        room = IN_FLIGHT_MAX - len(self._in_flight)
        if room <= 0:
            return 0
        self._wake.clear()
        busy = Counter(job.endpoint_id for job in self._in_flight.values())
        try:
            jobs = await self._in_database(
                lambda: queue.claim(now=timezone.now(), busy=busy, limit=room)
            )
        except Exception:  # noqa: BLE001 - logged with its trace
            # The database being away is not a reason to die: the rows are still there.
            _log.exception("webhook_claim_failed")
            return 0
        for job in jobs:
            task = asyncio.create_task(self._deliver(session, job))
            self._in_flight[task] = job
            task.add_done_callback(self._landed)
        return len(jobs)

    async def _deliver(self, session: aiohttp.ClientSession, job: Job) -> None:
        outcome = await sender.send(session, job)
        self._finished.put_nowait(outcome)

    def _landed(self, task: asyncio.Task[None]) -> None:
        job = self._in_flight.pop(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error(
                "webhook_attempt_broken",
                exc_info=task.exception(),
                extra={"delivery": str(job.delivery_id)},
            )

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
        await asyncio.sleep(GATHER_SECONDS)  # one claim for many wakes

    async def _record(self) -> None:
        """Write results in batches, the first waiting a little for company, until None comes."""
        while True:
            outcomes = [await self._finished.get()]
            await asyncio.sleep(RECORD_SECONDS)
            while len(outcomes) < RECORD_MAX and not self._finished.empty():
                outcomes.append(self._finished.get_nowait())
            await self._write([outcome for outcome in outcomes if outcome is not None])
            if None in outcomes:
                return

    async def _write(self, outcomes: list[Outcome]) -> None:
        try:
            await self._in_database(lambda: _settle(outcomes))
        except Exception:  # noqa: BLE001 - logged with its trace
            # Unrecorded deliveries go out again when their lease ends, under the same id.
            _log.exception("webhook_record_failed")
            return
        failed = sum(bool(outcome.error_class) for outcome in outcomes)
        self.failed += failed
        self.delivered += len(outcomes) - failed
        self._wake.set()

    async def _drain(self) -> None:
        tasks = dict(self._in_flight)
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        unfinished: list[uuid.UUID] = [job.delivery_id for t, job in tasks.items() if not t.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if unfinished:
            await self._in_database(lambda: queue.release(unfinished))

    async def _beat(self) -> None:
        while True:
            detail = {
                "in_flight": len(self._in_flight),
                "delivered": self.delivered,
                "failed": self.failed,
            }
            with suppress(Exception):
                await self._in_database(
                    lambda d=detail: heartbeats.beat(name=NAME, now=timezone.now(), detail=d)  # type: ignore[misc]
                )
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _listen(self) -> None:
        """Wake at once for new rows; without this connection the poll does the work."""
        while True:
            with suppress(psycopg.Error, OSError):
                await self._hear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self) -> None:
        parameters = connection.get_connection_params()
        parameters.pop("cursor_factory", None)
        parameters.pop("context", None)
        listener = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        async with listener:
            await listener.execute(f"LISTEN {CHANNEL}")
            async for _ in listener.notifies():
                self._wake.set()

    async def _in_database(self, work: Callable[[], T]) -> T:
        def run() -> T:
            close_old_connections()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._database, run)


def _close() -> None:
    connection.close()  # the calling thread's own


def _settle(outcomes: list[Outcome]) -> None:
    queue.record(outcomes)
    endings.disable_given_up(outcomes=outcomes, now=timezone.now())
