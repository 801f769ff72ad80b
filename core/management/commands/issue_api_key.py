"""Issue an API key from the command line; its secret is printed once and kept nowhere."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core import ids, scopes, services
from core.actors import system
from core.errors import DomainError


class Command(BaseCommand):
    help = "Issue an API key and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--institution", required=True, help="inst_...")
        parser.add_argument("--name", default="command line")
        parser.add_argument(
            "--scope", action="append", default=[], help="repeat; all scopes when absent"
        )
        parser.add_argument("--days", type=int, default=365)
        parser.add_argument("--network", action="append", default=[], help="CIDR; repeat")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_: object, **options: Any) -> None:  # noqa: ANN401  Django's signature
        try:
            issued = services.issue_api_key(
                institution_id=ids.decode_id("inst", options["institution"]),
                name=options["name"],
                granted=options["scope"] or scopes.known(),
                lifetime=timedelta(days=options["days"]),
                allowed_networks=options["network"],
                actor=system("issue_api_key"),
                now=timezone.now(),
            )
        except ids.IdInvalid as broken:
            raise CommandError("--institution is not an id such as inst_01k...") from broken
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        shown = {
            "id": issued.row.public_id,
            "key": issued.text,
            "scopes": issued.row.scopes,
            "expires_at": issued.row.expires_at.isoformat(),
        }
        if options["json"]:
            self.stdout.write(json.dumps(shown))
        else:
            self.stdout.write(f"{issued.row.public_id}\n{issued.text}\nIt is not shown again.")
