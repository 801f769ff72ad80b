"""What a deployment's nodes must be before money depends on them; told by ``check --deploy``."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

NODES_MIN = 3
OPERATORS_MIN = 2
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def check_networks(
    app_configs: Sequence[AppConfig] | None = None,  # noqa: ARG001 - how Django calls a check
    **kwargs: object,  # noqa: ARG001 - as above
) -> list[CheckMessage]:
    """Every network has enough independent nodes, a chain id and a gas budget.

    Addresses may hold keys, so a message names the network and the place in the list alone.
    """
    if settings.DEVELOPMENT:
        return []
    return [
        message
        for network, urls in sorted(settings.CHAIN_RPC_URLS.items())
        for message in _check_network(network, urls)
    ]


def _check_network(network: str, urls: Sequence[str]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    hosts = [urlsplit(url).hostname or "" for url in urls]
    if len(urls) < NODES_MIN:
        found.append(
            Error(
                f"{network} has {len(urls)} node(s), fewer than {NODES_MIN}.",
                hint="With fewer, one lying node can settle what never happened: CHAIN_RPC_URLS.",
                id="issuance.E001",
            )
        )
    if len(set(urls)) < len(urls):
        found.append(
            Error(
                f"{network} names one node twice: it would agree with itself.", id="issuance.E002"
            )
        )
    if network not in settings.CHAIN_IDS:
        found.append(Error(f"{network} has no chain id in CHAIN_IDS.", id="issuance.E003"))
    found += [
        Error(f"{network}[{place}] is reached without encryption.", id="issuance.E004")
        for place, (url, host) in enumerate(zip(urls, hosts, strict=True))
        if urlsplit(url).scheme != "https" and host not in _LOOPBACK
    ]
    operators = {_operator(host) for host in hosts if host not in _LOOPBACK}
    if operators and len(operators) < OPERATORS_MIN:
        found.append(
            checks.Warning(
                f"All nodes of {network} belong to one operator.",
                hint="What one operator gets wrong, all its nodes get wrong.",
                id="issuance.W001",
            )
        )
    if not settings.CHAIN_GAS_BUDGETS_WEI.get(network):
        found.append(
            checks.Warning(
                f"{network} may spend any amount on gas.",
                hint="CHAIN_GAS_BUDGETS_WEI sets the most that 24 hours may cost.",
                id="issuance.W002",
            )
        )
    return found


def _operator(host: str) -> str:
    """The last two names of a host: eth.example.com and base.example.com are one operator's."""
    return ".".join(host.split(".")[-2:])
