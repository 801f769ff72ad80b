"""Prepare an upgrade of a token, or prove and record one that its timelock has carried out."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from issuance import services
from issuance.chain.errors import ChainError, SignerError
from issuance.chain.token import checksummed
from issuance.models import Token
from issuance.pipeline.upgrades import finish_upgrade, prepare_upgrade
from issuance.services.announced import upgrade_to
from issuance.services.expectations import ANNOUNCED_AHEAD_MAX as LATEST

# After the timelock's delay; later the upgrade is unexpected and halts the token.
CARRY_OUT = timedelta(days=7)


class Command(BaseCommand):
    """``upgrade_token --fund IBIT --network anvil``, later the same with ``--finish ADDRESS``."""

    help = "Deploy new token code and print the timelock's calls; --finish verifies and records."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)
        parser.add_argument("--finish", metavar="IMPLEMENTATION", default="")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        token = Token.objects.filter(
            fund__symbol=options["fund"], network=options["network"]
        ).first()
        if token is None:
            raise CommandError("token_unknown: no such token is in service")
        try:
            if options["finish"]:
                implementation = checksummed(options["finish"])
                entry = finish_upgrade(token=token, implementation=implementation)
                report = {"contract": entry.proxy, "implementation": entry.implementation}
            else:
                prepared, now = prepare_upgrade(token=token), timezone.now()
                services.announce_change(
                    token_id=token.pk,
                    kinds=[upgrade_to(prepared.implementation)],
                    reason=f"prepared {prepared.implementation}",
                    until=now + min(timedelta(seconds=prepared.delay_seconds) + CARRY_OUT, LATEST),
                    actor=system("upgrade_token"),
                    now=now,
                )
                report = asdict(prepared)
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        except ValueError as wrong:
            raise CommandError(f"address_invalid: {options['finish']} is no address") from wrong
        self.stdout.write(json.dumps(report))
