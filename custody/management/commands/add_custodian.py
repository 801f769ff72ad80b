"""``manage.py add_custodian``: enter a custodian and an account it keeps for us."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from core.actors import system
from custody import services
from custody.models import Custodian


class Command(BaseCommand):
    """Run ``seed_funds`` first: the ledger of every fund known by then is opened on the account."""

    help = "Enter a custodian and one account; what is known stays, but for the attestor's address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who it is, the key it attests with, and how it numbers our account."""
        parser.add_argument("--code", required=True, help="as its files name it")
        parser.add_argument("--name", required=True)
        parser.add_argument("--kind", required=True, choices=Custodian.Kind.values)
        parser.add_argument("--attestor", default="", help="address of its attestation key")
        parser.add_argument("--account", required=True, help="the account's number")
        parser.add_argument("--label", default="Main account", help="what operators call it")

    def handle(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Enter both and print their ids as JSON."""
        now, actor = timezone.now(), system("custody.add_custodian")
        custodian = services.add_custodian(
            code=options["code"],
            name=options["name"],
            kind=options["kind"],
            attestor_address=options["attestor"],
            actor=actor,
            now=now,
        )
        account = services.add_custody_account(
            custodian_id=custodian.pk,
            label=options["label"],
            number=options["account"],
            actor=actor,
            now=now,
        )
        shown = {"custodian": custodian.public_id, "custody_account": account.public_id}
        self.stdout.write(json.dumps(shown))
