"""The chain benchmark's stage: private servers, a token in service, investors with settled shares."""

import logging
import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.devstack import places
from config.devstack.anvil import Anvil, start_anvil
from config.devstack.postgres import ROOMY, start_postgres
from config.devstack.processes import stop

NETWORK = "anvil"
SYMBOL = "IBIT"
# Ethereum's own block gas limit since November 2025.
BLOCK_GAS = 60_000_000
BLOCK_SECONDS = 1
STOP_SECONDS = 10
INSTITUTIONS = 4
INVESTORS = 2_000
SHARES_EACH = 10**6
SWITZERLAND = "CH"
PURSE_WEI = 10**24


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs during one benchmark."""

    anvil: Anvil
    postgres_pid: int
    folder: Path


@contextmanager
def servers() -> Iterator[Servers]:
    """A durable PostgreSQL and a chain, known to this process and to those it starts."""
    folder = places.session_folder("bench")
    postgres = start_postgres(
        home=places.own_folder(folder / "postgres"),
        log_path=folder / "log",
        durable=True,
        size=ROOMY,
    )
    anvil = start_anvil(log_path=folder / "anvil.log", extra=("--gas-limit", str(BLOCK_GAS)))
    password = folder / "password"
    password.write_text(secrets.token_hex(16))
    os.environ |= {
        "DATABASE_URL": postgres.url,
        # Nobody listens: a doorbell that is not heard costs a tick and nothing else.
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": secrets.token_hex(16),
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "SHAREMINT_DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CHAIN_RPC_URLS": f"{NETWORK}={anvil.url}",
        "CHAIN_IDS": f"{NETWORK}={anvil.chain_id}",
        "SIGNER_KEYSTORES": str(places.own_folder(folder / "keys")),
        "SIGNER_PASSWORD_FILE": str(password),
    }
    print(
        f"PostgreSQL {postgres.version}, private and durable ({ROOMY[0]}); anvil {anvil.version},"
        f" blocks of {BLOCK_GAS // 10**6}M gas, finality two blocks behind the head"
    )
    try:
        yield Servers(anvil, postgres.child.pid, folder)
    finally:
        stop([anvil.child, postgres.child], timeout_seconds=STOP_SECONDS)


def hush() -> None:
    """Nobody listens for the doorbell here, and nobody needs to hear that again and again."""
    logging.getLogger("core.doorbell").setLevel(logging.ERROR)


def prepare(anvil: Anvil, *, seed: int, investors: int = INVESTORS) -> uuid.UUID:
    """Tables, keys, contract, register and attested cap; returns the token's id.

    Needs django.setup(). Everything goes through the product's own services and pipeline but the
    investors themselves, whose onboarding is no part of this benchmark.
    """
    from django.core.management import call_command  # noqa: PLC0415 - needs django.setup()

    from bench import chain_rows  # noqa: PLC0415 - as above

    call_command("migrate", verbosity=0)
    attestor = chain_rows.open_custody(seed)
    token = chain_rows.launch(anvil, attestor)
    chain_rows.make_investors(seed=seed, count=investors)
    chain_rows.register_and_attest(anvil, token, attestor, count=investors)
    anvil.automine(on=False)
    anvil.interval_mining(BLOCK_SECONDS)
    return token.pk
