"""``manage.py sandbox_custodian``: run the developers' custodian on loopback until it is stopped."""

import os
from argparse import ArgumentParser
from pathlib import Path

from aiohttp import web
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from custody.sandbox.book import Book
from custody.sandbox.server import Desk, build
from custody.sandbox.signing import Attestor

LOOPBACK = "127.0.0.1"


class Command(BaseCommand):
    """Serve the sandbox custodian. Its key comes from SANDBOX_ATTESTOR_KEY and stays here."""

    help = "Run a custodian that settles by itself; for development only."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen and where to keep the books."""
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--state", type=Path, required=True)

    def handle(self, *args: object, port: int, state: Path, **options: object) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        if not settings.DEVELOPMENT:
            raise CommandError("The sandbox custodian runs with SHAREMINT_DEVELOPMENT only.")
        if not settings.CUSTODIAN_SECRET:
            raise CommandError("CUSTODIAN_SECRET is empty.")
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        desk = Desk(
            book=Book(path=state / "book.sqlite3", code=settings.CUSTODIAN_CODE),
            attestor=Attestor(os.environ["SANDBOX_ATTESTOR_KEY"]),
            secret=settings.CUSTODIAN_SECRET,
            delay_seconds=settings.SANDBOX_CUSTODIAN_DELAY_SECONDS,
        )
        self.stdout.write(
            f"sandbox custodian on {LOOPBACK}:{port}, attestor {desk.attestor.address}"
        )
        try:
            web.run_app(build(desk), host=LOOPBACK, port=port, print=None, access_log=None)
        finally:
            desk.book.close()
