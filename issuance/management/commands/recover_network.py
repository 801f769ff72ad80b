"""Begin a recovery by hand, such as after a restore that left the database's timeline as it was."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from issuance import services
from issuance.states import RecoveryCause


class Command(BaseCommand):
    """``recover_network --network base --reason "restored last night's snapshot"``."""

    help = "Stop signing on a network until it has established what the chain knows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--network", required=True)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        try:
            row = services.begin_recovery(
                network=options["network"],
                cause=RecoveryCause.OPERATOR,
                reason=options["reason"],
                actor=system("recover_network"),
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        if row is not None:
            self.stdout.write(f"{row.public_id} {row.status.lower()}, round {row.round}")
