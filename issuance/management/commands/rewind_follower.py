"""Read a network's events again from a block on: one person proposes, another applies."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import DomainError
from core.ids import IdInvalid, decode_id
from issuance import services
from issuance.management.people import sign_in
from issuance.models import Rewind


class Command(BaseCommand):
    """``rewind_follower --operator anna --network base --block 123 --reason ...``, then ``--apply``."""

    help = "Propose, apply or withdraw a second reading of a network's events; asks for a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True)
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("--network", default="")
        parser.add_argument("--block", type=int, default=-1, help="the last block that stays")
        parser.add_argument("--reason", default="")
        parser.add_argument("--apply", metavar="REWIND", default="")
        parser.add_argument("--withdraw", metavar="REWIND", default="")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        actor, now = sign_in(options["operator"], password=password), timezone.now()
        try:
            if options["apply"]:
                rewind_id = decode_id(Rewind.PREFIX, options["apply"])
                row = services.apply_rewind(rewind_id=rewind_id, actor=actor, now=now)
            elif options["withdraw"]:
                rewind_id = decode_id(Rewind.PREFIX, options["withdraw"])
                row = services.withdraw_rewind(rewind_id=rewind_id, actor=actor, now=now)
            else:
                row = services.propose_rewind(
                    network=options["network"],
                    block=options["block"],
                    reason=options["reason"],
                    actor=actor,
                    now=now,
                )
        except (DomainError, IdInvalid) as refusal:
            raise CommandError(f"{getattr(refusal, 'code', 'id_invalid')}: {refusal}") from refusal
        self.stdout.write(f"{row.public_id} {row.status.lower()}")
