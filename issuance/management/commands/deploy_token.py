"""Deploy a fund's token on a network, prove it, and take it into service."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from issuance.chain.errors import ChainError, SignerError
from issuance.models import Token
from issuance.pipeline.launch import MINUTES_MAX_AGE, RESTRICTED_DEFAULT, Launch, launch_token


class Command(BaseCommand):
    """``deploy_token --fund IBIT --network anvil``; a token that exists is only reported."""

    help = "Deploy and verify a token contract; prints its address as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)
        parser.add_argument("--admin", default="", help="timelock; default: the deploying key")
        parser.add_argument("--attestor", default="", help="default: the custodian's own")
        parser.add_argument(
            "--restricted", type=int, nargs="*", default=list(RESTRICTED_DEFAULT), metavar="ISO"
        )
        parser.add_argument("--max-age-minutes", type=int, default=MINUTES_MAX_AGE)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        known = Token.objects.filter(
            fund__symbol=options["fund"], network=options["network"]
        ).first()
        try:
            token = known or launch_token(
                launch=Launch(
                    underlying_symbol=options["fund"],
                    network=options["network"],
                    admin=options["admin"],
                    attestor=options["attestor"],
                    restricted=tuple(options["restricted"]),
                    max_age_minutes=options["max_age_minutes"],
                ),
                actor=system("deploy_token"),
                now=timezone.now(),
            )
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        report = {
            "id": token.public_id,
            "symbol": token.symbol,
            "network": token.network,
            "contract": token.address,
            "deployed": known is None,
        }
        self.stdout.write(json.dumps(report))
