"""Take a signer's lane out of service, or back."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import DomainError
from issuance import services
from issuance.management.people import sign_in
from issuance.models import Signer


class Command(BaseCommand):
    """``halt_signer --operator anna --network base --address 0x... --reason "..."``, or ``--resume``."""

    help = "Number nothing new with a key, or let it number again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True)
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("--network", required=True)
        parser.add_argument("--address", required=True)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--reason")
        what.add_argument("--resume", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        rows = Signer.objects.filter(network=options["network"])
        signer = rows.filter(address__iexact=options["address"]).first()
        if signer is None:
            raise CommandError("signer_missing: no such signer on this network")
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        actor, now = sign_in(options["operator"], password=password), timezone.now()
        try:
            if options["resume"]:
                services.resume_signer(signer_id=signer.pk, actor=actor, now=now)
            else:
                services.halt_signer(
                    signer_id=signer.pk, reason=options["reason"], actor=actor, now=now
                )
        except DomainError as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        self.stdout.write("resumed" if options["resume"] else "halted")
