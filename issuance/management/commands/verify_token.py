"""Compare a token on chain with what was deployed, and refuse when anything differs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from core.units import format_quantity
from issuance.chain.errors import ChainError
from issuance.models import Token
from issuance.pipeline.attach import verify_attached_token
from issuance.pipeline.upgrades import verify_deployment
from issuance.states import TokenStandard


class Command(BaseCommand):
    """``verify_token --fund IBIT --network anvil``: exit 0 when the chain is as recorded."""

    help = (
        "Verify bytecode, implementation, roles, countries and limits of a deployed token; of an"
        " attached ERC-3643 token owner, registry, compliance, code, our keys and the redemption"
        " wallet: what it enforces is its issuer's own."
    )

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
            is_ours = token.standard == TokenStandard.SHAREMINT
            report = _deployed(token) if is_ours else _attached(token)
        except (DomainError, ChainError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        self.stdout.write(json.dumps(report | {"verified": True}))


def _deployed(token: Token) -> dict[str, object]:
    entry = verify_deployment(token=token)
    if entry.proxy.lower() != token.address.lower():
        raise CommandError(
            f"address_book_differs: {entry.proxy} recorded, {token.address} in service"
        )
    return {
        "contract": entry.proxy,
        "implementation": entry.implementation,
        "mint_limit": format_quantity(entry.plan.mint_limit),
    }


def _attached(token: Token) -> dict[str, object]:
    return {
        "contract": token.address,
        "standard": token.standard.lower(),
        "exactly_once_on_chain": False,
        "block": verify_attached_token(token=token),
        "watched": token.watched,
    }
