"""Real receivers on loopback, and a dispatcher to send to them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from django.db import connection, transaction
from django.utils import timezone

from core import events, services
from core.actors import system
from core.webhooks.dispatcher import Dispatcher

WAIT_SECONDS = 15


@dataclass
class Receiver:
    """Keeps what it was sent. ``answer`` decides the status of each request."""

    answer: int | Callable[[int], int] = 200
    delay: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived_at: list[float] = field(default_factory=list)
    url: str = ""

    async def handle(self, request):
        body = await request.read()
        self.received.append((dict(request.headers), body))
        self.arrived_at.append(time.monotonic())
        if self.delay:
            await asyncio.sleep(self.delay)
        status = self.answer(len(self.received)) if callable(self.answer) else self.answer
        return web.Response(status=status, text="ok", headers=self.headers)


async def serve(receiver):
    """Start the receiver on a free loopback port; returns its runner."""
    application = web.Application()
    application.router.add_post("/in", receiver.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{port}/in"
    return runner


def endpoint_for(institution, receiver, **options):
    """Subscribe the receiver; returns the endpoint and its secret."""
    options.setdefault("event_types", ["thing.*"])
    return services.create_webhook_endpoint(
        institution_id=institution.pk,
        url=receiver.url,
        actor=system("test"),
        now=timezone.now(),
        **options,
    )


def record_events(institution, count, event_type="thing.done"):
    """Record events in transactions of their own."""
    recorded = []
    for _ in range(count):
        with transaction.atomic(durable=True):
            recorded.append(
                events.record(
                    event_type=event_type,
                    row=institution,
                    actor=system("test"),
                    now=timezone.now(),
                )
            )
    return recorded


async def in_thread(work):
    """Run database work away from the event loop, closing its connection."""

    def run():
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


async def dispatch_until(done):
    """Run a dispatcher until ``done()`` is true, then stop it cleanly."""
    dispatcher = Dispatcher()
    running = asyncio.create_task(dispatcher.run())
    deadline = time.monotonic() + WAIT_SECONDS
    while not done() and time.monotonic() < deadline and not running.done():  # noqa: ASYNC110 - it watches rows
        await asyncio.sleep(0.02)
    dispatcher.stop()
    await running
    assert done(), "the dispatcher did not get there in time"
    return dispatcher
