"""``chain doctor``: say in plain words what keeps each network from working, and what to do."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from issuance.chain import registry
from issuance.chain.errors import NetworkUnknown
from issuance.models import Token
from issuance.pipeline import doctor
from issuance.pipeline.doctor import Finding


class Command(BaseCommand):
    """``chain doctor [--network N] [--json]``: exit 0 when all is well, 1 with findings."""

    help = (
        "Examine nodes, lanes, tokens and roles; read-only. Exits with 1 when it finds something."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", choices=["doctor"])
        parser.add_argument("--network", help="default: every network there is")
        parser.add_argument("--json", action="store_true", help="an array of findings")
        parser.add_argument(
            "--without-keys", action="store_true", help="do not ask the signers, where they are not"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        wanted, known = options["network"], _networks()
        if wanted and wanted not in known:
            raise CommandError(f"{NetworkUnknown.code}: {wanted} is in no setting")
        networks = [wanted] if wanted else known
        found = [
            finding
            for network in networks
            for finding in _examine(network, with_keys=not options["without_keys"])
        ]
        if options["json"]:
            self.stdout.write(json.dumps([finding.as_row() for finding in found]))
        else:
            self._tell(networks, found)
        if found:
            sys.exit(1)

    def _tell(self, networks: list[str], found: list[Finding]) -> None:
        for network in networks:
            mine = [finding for finding in found if finding.network == network]
            self.stdout.write(f"{network}: {_summary(mine)}")
            for each in mine:
                self.stdout.write(f"  [{each.weight}] {each.code}: {each.subject}")
                self.stdout.write(f"      {each.says}")
                self.stdout.write(f"      -> {each.do}")


def _networks() -> list[str]:
    named = set(registry.networks())
    return sorted(named | set(Token.objects.values_list("network", flat=True)))


def _examine(network: str, *, with_keys: bool) -> list[Finding]:
    try:
        client, nodes = registry.client_for(network), registry.single_nodes(network)
    except NetworkUnknown as unknown:
        return [_unnamed(network, unknown)]
    return doctor.examine(
        client=client,
        nodes=nodes,
        key_for=registry.signer_for if with_keys else None,
        now=timezone.now(),
    )


def _unnamed(network: str, unknown: NetworkUnknown) -> Finding:
    return Finding(
        code=unknown.code,
        weight=doctor.Weight.STOPS,
        network=network,
        subject="settings",
        says="The settings name no node or no chain id of it, so nothing on it can be asked.",
        do="Put it into CHAIN_RPC_URLS and CHAIN_IDS and restart the chain workers.",
    )


def _summary(found: list[Finding]) -> str:
    if not found:
        return "healthy"
    stopping = sum(each.weight == doctor.Weight.STOPS for each in found)
    return f"{len(found)} findings, {stopping} of them stop work"
