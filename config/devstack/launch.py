"""Funds, a custodian, keys with ether and tokens on the development chain; needs django.setup()."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from config.devstack import rpc
from core.actors import system
from custody import services as custody_services
from issuance.chain.wallets import Wallet

ACTOR = system("devstack")
TOKENISED = ("IBIT", "FBTC")
CUSTODIAN = "SANDBOX"
PURSE_WEI = 100 * 10**18
LOW_WEI = 10**18


class BlocksOnDemand(StringIO):
    """What a command tells of its waiting for finality goes here, and each line makes a block.

    Until the stack serves, nobody else makes any. A node that makes none at a wish is waited for.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def write(self, text: str) -> int:
        with suppress(rpc.RpcError):
            rpc.call(self._url, "evm_mine")
        return super().write(text)


def open_custody() -> None:
    """The programme's funds and one account at the sandbox custodian."""
    now = timezone.now()
    attestor = Wallet(bytes.fromhex(os.environ["SANDBOX_ATTESTOR_KEY"].removeprefix("0x")))
    custody_services.seed_funds(actor=ACTOR, now=now)
    custodian = custody_services.add_custodian(
        code=CUSTODIAN,
        name="Sandbox Custody Bank",
        kind="BANK",
        attestor_address=attestor.address,
        actor=ACTOR,
        now=now,
    )
    custody_services.add_custody_account(
        custodian_id=custodian.pk,
        label="Main account",
        number="SANDBOX-0001",
        actor=ACTOR,
        now=now,
    )


def launch_tokens(network: str, funds: Sequence[str] = TOKENISED) -> list[dict[str, Any]]:
    """Keys for the network, ether for the keys, one token for each fund."""
    signers = _call("create_signers", network=network)
    url = settings.CHAIN_RPC_URLS[network][0]
    purse = rpc.call(url, "eth_accounts")[0]
    for address in signers.values():
        if int(rpc.call(url, "eth_getBalance", address, "latest"), 16) < LOW_WEI:
            rpc.send_ether(url, purse, to=address, wei=PURSE_WEI)
    waiting = BlocksOnDemand(url)
    return [_call("deploy_token", stderr=waiting, fund=fund, network=network) for fund in funds]


def _call(command: str, **options: object) -> dict[str, Any]:
    """The JSON a management command prints."""
    said = StringIO()
    call_command(command, stdout=said, **options)
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer
