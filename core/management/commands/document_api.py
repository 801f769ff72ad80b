"""Write docs/api/openapi.json from the code."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.api.document import document

PATH = Path(settings.ROOT) / "docs" / "api" / "openapi.json"


class Command(BaseCommand):
    help = "Write docs/api/openapi.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")

    def handle(self, *_: object, **options: object) -> None:
        made = document()
        if options["check"] and PATH.read_bytes() != made:
            raise CommandError(f"{PATH} is stale; run manage.py document_api")
        PATH.write_bytes(made)
        self.stdout.write(str(PATH))
