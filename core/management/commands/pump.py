"""Do the work of beat and workers in this process, with Redis away."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from core import heap

TICK_SECONDS = 0.2
_log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run every task of the beat table in turn, each at its own interval, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run each task once and return")

    def handle(self, *_: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        current_app.loader.import_default_modules()
        schedule = {
            entry["task"]: float(entry["schedule"])
            for entry in current_app.conf.beat_schedule.values()
        }
        if options["once"]:
            for name in schedule:
                current_app.tasks[name]()
            return
        heap.settle()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        _pump(schedule, stopping)


def _pump(schedule: dict[str, float], stopping: threading.Event) -> None:
    due_at = dict.fromkeys(schedule, 0.0)
    while not stopping.is_set():
        for name, seconds in schedule.items():
            if time.monotonic() < due_at[name] or stopping.is_set():
                continue
            _run(name)
            due_at[name] = time.monotonic() + seconds
        stopping.wait(TICK_SECONDS)


def _run(name: str) -> None:
    close_old_connections()
    try:
        current_app.tasks[name]()
    except Exception:  # noqa: BLE001 - the rows stay due and the next turn tries again
        _log.exception("task_failed", extra={"task": name})
