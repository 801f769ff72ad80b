"""``manage.py parse_statement FILE``: what a custodian's file says, without touching the database."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from custody.providers import files, formats


class Command(BaseCommand):
    """Parse one file and print its typed lines, or the refusal with its code."""

    help = "Print a statement or confirmation file as JSON; exit 1 with the code when refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: object, file: Path, **options: object) -> None:
        """Print JSON either way; the exit status says which."""
        try:
            self.stdout.write(files.to_json(formats.parse(file.read_bytes())))
        except files.FileRefused as refusal:
            refused = {"code": refusal.code, "line": refusal.line, "detail": refusal.detail}
            self.stdout.write(json.dumps({"refused": refused}, indent=2))
            sys.exit(1)
