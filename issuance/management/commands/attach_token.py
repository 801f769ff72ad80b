"""Take an issuer's existing ERC-3643 token into service, after proof that it fits."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from core.ids import IdInvalid, decode_id
from core.units import format_quantity
from issuance.chain.errors import ChainError, SignerError
from issuance.models import Token
from issuance.pipeline.attach import Attachment, attach_token


class Command(BaseCommand):
    """``attach_token --standard erc3643 --fund IBIT --network mainnet --address 0x... ...``."""

    help = (
        "Attach an existing ERC-3643 (T-REX 4.x) token. NOT exactly-once on chain: it consumes no"
        " order ids and holds no attested cap. Refuses whatever does not fit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--standard", required=True, choices=["erc3643"])
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)
        parser.add_argument("--address", required=True)
        parser.add_argument(
            "--redemption-wallet",
            required=True,
            metavar="ADDRESS",
            help="verified in the token's registry and empty; holders send there what they redeem",
        )
        parser.add_argument(
            "--from-block",
            type=int,
            required=True,
            metavar="N",
            help="the block the token was created in: its whole history is read from there",
        )
        parser.add_argument(
            "--other-agent",
            nargs="*",
            default=[],
            metavar="ADDRESS",
            help="agents besides our keys that may stay; any other one is refused",
        )
        parser.add_argument(
            "--backed-by",
            default="",
            metavar="INVESTOR",
            help="whose free shares stand behind the tokens that exist already",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        backer = options["backed_by"]
        try:
            token = attach_token(
                attachment=Attachment(
                    underlying_symbol=options["fund"],
                    network=options["network"],
                    address=options["address"],
                    redemption_wallet=options["redemption_wallet"],
                    first_block=options["from_block"],
                    other_agents=options["other_agent"],
                    backed_by=decode_id("inv", backer) if backer else None,
                ),
                actor=system("attach_token"),
                now=timezone.now(),
            )
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        except IdInvalid as refusal:
            raise CommandError(f"not_found: {refusal} is no investor's id") from refusal
        except ValueError as refusal:
            raise CommandError(f"address_invalid: {refusal}") from refusal
        self.stdout.write(json.dumps(_report(token)))


def _report(token: Token) -> dict[str, object]:
    return {
        "id": token.public_id,
        "symbol": token.symbol,
        "network": token.network,
        "contract": token.address,
        "standard": token.standard.lower(),
        "exactly_once_on_chain": False,
        "supply": format_quantity(token.opening_units),
        "redemption_wallet": token.redemption_wallet,
    }
