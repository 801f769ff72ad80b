"""Prepare an upgrade of a token, or prove and record one that its timelock has carried out."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from issuance.chain.errors import ChainError, SignerError
from issuance.models import Token
from issuance.pipeline.upgrades import finish_upgrade, prepare_upgrade


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
                entry = finish_upgrade(token=token, implementation=options["finish"])
                report = {"contract": entry.proxy, "implementation": entry.implementation}
            else:
                report = asdict(prepare_upgrade(token=token))
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        self.stdout.write(json.dumps(report))
