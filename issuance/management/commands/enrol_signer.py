"""Take a key of a key service, or a second key of a role, into service on a network."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from issuance.chain.errors import ChainError, SignerError
from issuance.pipeline.enrolment import enrol_signer
from issuance.states import SignerRole


class Command(BaseCommand):
    """``enrol_signer --network base --role ISSUER --address 0x...``: it must prove itself first."""

    help = "Let a key play a role on a network; prints {role, address, next_nonce}."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--network", required=True)
        parser.add_argument("--address", required=True)
        parser.add_argument("--role", required=True, choices=SignerRole.values)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        try:
            signer = enrol_signer(
                network=options["network"],
                address=options["address"],
                role=SignerRole(options["role"]),
                actor=system("enrol_signer"),
                now=timezone.now(),
            )
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        answer = {
            "role": signer.role.lower(),
            "address": signer.address,
            "next_nonce": signer.next_nonce,
        }
        self.stdout.write(json.dumps(answer))
