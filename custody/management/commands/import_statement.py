"""``manage.py import_statement FILE``: take in a custodian's file by hand."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from custody import queries, services
from custody.states import MessageChannel


class Command(BaseCommand):
    """Import one statement or confirmation file."""

    help = "Import a custodian's statement or confirmation; exit 1 with the code when refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file and whose it is."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--custodian", required=True, help="the custodian's code")

    def handle(self, *args: object, file: Path, custodian: str, **options: object) -> None:
        """Import and say what was found."""
        row = queries.custodians(codes=[custodian]).first()
        if row is None:
            raise CommandError(f"There is no custodian {custodian}.")
        try:
            done = services.import_statement(
                custodian_id=row.pk,
                raw=file.read_bytes(),
                channel=MessageChannel.COMMAND,
                actor=system("custody.import_statement"),
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        what = "was imported before" if done.duplicate else f"imported, {len(done.breaks)} breaks"
        self.stdout.write(f"{done.message.public_id} {done.message.kind.lower()} {what}")
