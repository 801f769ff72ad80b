"""Send webhooks until told to stop. Any number of these processes may run."""

import asyncio
import signal

from django.core.management.base import BaseCommand

from core.webhooks.dispatcher import Dispatcher


class Command(BaseCommand):
    help = "Send signed webhooks from the delivery queue until SIGTERM."

    def handle(self, *_: object, **__: object) -> None:
        asyncio.run(_serve())


async def _serve() -> None:
    dispatcher = Dispatcher()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, dispatcher.stop)
    await dispatcher.run()
