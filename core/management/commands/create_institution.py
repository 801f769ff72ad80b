"""Add an institution from the command line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core import services
from core.actors import system
from core.errors import DomainError


class Command(BaseCommand):
    help = "Add an institution and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--country", required=True, help="ISO 3166-1 alpha-2")
        parser.add_argument("--lei", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_: object, **options: Any) -> None:  # noqa: ANN401  Django's signature
        try:
            row = services.create_institution(
                name=options["name"],
                country=options["country"],
                lei=options["lei"],
                actor=system("create_institution"),
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        shown = {"id": row.public_id, "name": row.name}
        self.stdout.write(json.dumps(shown) if options["json"] else f"{row.public_id}  {row.name}")
