"""Compare a token on chain with what was deployed, and refuse when anything differs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from core.units import format_quantity
from issuance.chain.errors import ChainError
from issuance.models import Token
from issuance.pipeline.upgrades import verify_deployment


class Command(BaseCommand):
    """``verify_token --fund IBIT --network anvil``: exit 0 when the chain is as recorded."""

    help = "Verify bytecode, implementation, roles, countries and limits of a deployed token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        token = Token.objects.filter(
            fund__symbol=options["fund"], network=options["network"]
        ).first()
        if token is None:
            raise CommandError("token_unknown: no such token is in service")
        try:
            entry = verify_deployment(token=token)
            if entry.proxy.lower() != token.address.lower():
                raise CommandError(
                    f"address_book_differs: {entry.proxy} recorded, {token.address} in service"
                )
        except (DomainError, ChainError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        report = {
            "contract": entry.proxy,
            "implementation": entry.implementation,
            "mint_limit": format_quantity(entry.plan.mint_limit),
            "verified": True,
        }
        self.stdout.write(json.dumps(report))
