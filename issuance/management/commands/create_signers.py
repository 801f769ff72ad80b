"""Make the encrypted keys a network needs, where missing, and print their addresses as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from core.actors import system
from issuance.pipeline.launch import ensure_signers


class Command(BaseCommand):
    """``create_signers --network anvil``: the addresses need the chain's own coin for gas."""

    help = "Make one encrypted key per role for a network; prints {role: address}."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--network", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        made = ensure_signers(
            network=options["network"], actor=system("create_signers"), now=timezone.now()
        )
        self.stdout.write(json.dumps({str(role).lower(): made[role] for role in made}))
