"""Deploy a fund's token on a network, prove it, and take it into service."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from core.units import format_quantity, parse_quantity
from issuance.chain.creations import FINALITY_SECONDS, Look, Patience
from issuance.chain.deploy import MINT_LIMIT_UNITS
from issuance.chain.errors import ChainError, CreationNotFinal, CreationPending, SignerError
from issuance.chain.timelock import TimelockPlan
from issuance.chain.token import checksummed
from issuance.models import Token
from issuance.pipeline.launch import MINUTES_MAX_AGE, RESTRICTED_DEFAULT, Launch, launch_token
from issuance.pipeline.upgrades import entry_of, timelock_for


class Command(BaseCommand):
    """``deploy_token --fund IBIT --network anvil``; a token that exists is only reported.

    What it waits for is told on stderr. Interrupted or out of time, it is run again as it was.
    """

    help = "Deploy a token, wait until it is final and verify it; prints its address as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fund", required=True)
        parser.add_argument("--network", required=True)
        parser.add_argument(
            "--admin", default="", help="timelock; in development the deploying key"
        )
        parser.add_argument(
            "--timelock-delay",
            type=int,
            metavar="SECONDS",
            help="deploy a timelock and make it admin and upgrader; with --proposer and --executor",
        )
        parser.add_argument("--proposer", nargs="*", default=[], metavar="ADDRESS")
        parser.add_argument("--executor", nargs="*", default=[], metavar="ADDRESS")
        parser.add_argument("--attestor", default="", help="default: the custodian's own")
        parser.add_argument(
            "--restricted", type=int, nargs="*", default=list(RESTRICTED_DEFAULT), metavar="ISO"
        )
        parser.add_argument("--max-age-minutes", type=int, default=MINUTES_MAX_AGE)
        parser.add_argument(
            "--mint-limit",
            default=format_quantity(MINT_LIMIT_UNITS),
            metavar="SHARES",
            help="what each issuing key may mint in a day; refills by the second",
        )
        parser.add_argument(
            "--wait-seconds",
            type=float,
            default=FINALITY_SECONDS,
            metavar="SECONDS",
            help="how long to wait until the contract's creation is final",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        known = Token.objects.filter(
            fund__symbol=options["fund"], network=options["network"]
        ).first()
        try:
            token = known or launch_token(
                launch=Launch(
                    underlying_symbol=options["fund"],
                    network=options["network"],
                    admin=_admin(options),
                    attestor=_address(options["attestor"]),
                    restricted=tuple(options["restricted"]),
                    max_age_minutes=options["max_age_minutes"],
                    mint_limit=_mint_limit(options["mint_limit"]),
                ),
                actor=system("deploy_token"),
                clock=timezone.now,
                patience=Patience(seconds=options["wait_seconds"], tell=self._tell),
            )
        except (CreationNotFinal, CreationPending) as late:
            raise CommandError(
                f"{late.code}: {late}. The token is not in service. Run the same command again:"
                " it waits on for the same contract."
            ) from late
        except (DomainError, ChainError, SignerError) as refusal:
            raise CommandError(f"{refusal.code}: {refusal}") from refusal
        report = {
            "id": token.public_id,
            "symbol": token.symbol,
            "network": token.network,
            "contract": token.address,
            "deployed": known is None,
            "mint_limit": _recorded_limit(token),
        }
        self.stdout.write(json.dumps(report))

    def _tell(self, look: Look) -> None:
        self.stderr.write(f"waiting for finality: {look}")


def _mint_limit(shares: str) -> int:
    try:
        return parse_quantity(shares)
    except ValueError as wrong:
        raise CommandError(f"mint_limit_invalid: {wrong}") from wrong


def _recorded_limit(token: Token) -> str | None:
    """Shares a day by the address book, None where it has no entry of the token."""
    try:
        return format_quantity(entry_of(token).plan.mint_limit)
    except (ChainError, SignerError):
        return None


def _admin(options: dict[str, Any]) -> str:
    """Who administers the new token: a timelock made for it, the address given, or the deployer."""
    delay = options["timelock_delay"]
    if delay is None:
        if options["proposer"] or options["executor"]:
            raise CommandError("--proposer and --executor belong to --timelock-delay")
        return _address(options["admin"])
    if options["admin"]:
        raise CommandError("--admin and --timelock-delay exclude each other")
    if delay < 0 or not options["proposer"] or not options["executor"]:
        raise CommandError("--timelock-delay needs seconds, --proposer and --executor")
    proposers, executors = (
        tuple(_address(each) for each in options[name]) for name in ("proposer", "executor")
    )
    return timelock_for(
        network=options["network"],
        underlying_symbol=options["fund"],
        plan=TimelockPlan(delay, proposers, executors),
    )


def _address(text: str) -> str:
    """In one spelling, so that a second run asks for the same plan; empty when none was given."""
    try:
        return checksummed(text) if text else ""
    except ValueError as wrong:
        raise CommandError(f"address_invalid: {text} is no address") from wrong
