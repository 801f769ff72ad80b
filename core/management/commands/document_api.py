"""Write docs/api/openapi.json from the code."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from core.api.document import document

PATH = Path(settings.ROOT) / "docs" / "api" / "openapi.json"


class Command(BaseCommand):
    help = "Write docs/api/openapi.json."

    def handle(self, *_: object, **__: object) -> None:
        PATH.write_bytes(document())
        self.stdout.write(str(PATH))
