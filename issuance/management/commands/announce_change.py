"""Say beforehand that people will change a token's rules, so that the change does not halt it."""

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import DomainError
from issuance import services
from issuance.management.people import sign_in
from issuance.models import Token
from issuance.services.announced import FORMS


class Command(BaseCommand):
    """``announce_change --operator anna --fund IBIT --network base --kind ROLE_CHANGED:GIVEN:ISSUER:0x..``."""

    help = "Announce one exact change of roles, limits or code of a token; asks for a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True)
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)
        parser.add_argument(
            "--kind",
            action="append",
            required=True,
            dest="kinds",
            metavar="KIND:WHAT",
            help=f"what will change, once for each change: {', '.join(FORMS)}",
        )
        parser.add_argument("--days", type=int, default=3)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        actor, now = sign_in(options["operator"], password=password), timezone.now()
        token = Token.objects.filter(
            fund__symbol=options["fund"], network=options["network"]
        ).first()
        if token is None:
            raise CommandError("token_unknown: no such token is in service")
        try:
            row = services.announce_change(
                token_id=token.pk,
                kinds=options["kinds"],
                reason=options["reason"],
                until=now + timedelta(days=options["days"]),
                actor=actor,
                now=now,
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        self.stdout.write(f"{row.public_id} until {row.until.isoformat()}")
