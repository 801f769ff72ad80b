"""Journeys go in over HTTP and come out of real processes."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from config.devstack import ports, testing
from config.devstack.processes import Child, start, stop
from tests.crash.processes import PASSWORD

ATTESTOR_KEY = "0x" + "22" * 32
MANAGE = [sys.executable, "manage.py"]


@pytest.fixture
def product_env(settings, tmp_path, monkeypatch) -> dict[str, str]:
    """The variables of a small deployment with a sandbox custodian and no Redis, here as well."""
    (tmp_path / "password").write_text(PASSWORD)
    env = {
        "SIGNER_KEYSTORES": str(tmp_path / "keys"),
        "SIGNER_PASSWORD_FILE": str(tmp_path / "password"),
        "CUSTODIAN_URL": f"http://127.0.0.1:{ports.free_port()}",
        "CUSTODIAN_SECRET": "secret between the two",
        "SANDBOX_ATTESTOR_KEY": ATTESTOR_KEY,
        "SANDBOX_CUSTODIAN_DELAY_SECONDS": "0",
        "WALLET_COOLING_OFF_SECONDS": "0",
        "KYC_PROVIDER": "sandbox",
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there
    }
    for name in ("SIGNER_KEYSTORES", "SIGNER_PASSWORD_FILE"):
        setattr(settings, name, env[name])
    settings.WALLET_COOLING_OFF = timedelta(0)
    settings.KYC_PROVIDER = "sandbox"
    monkeypatch.setitem(os.environ, "SANDBOX_ATTESTOR_KEY", ATTESTOR_KEY)
    return env


@pytest.fixture
def start_product(
    request,
    product_env,
    tmp_path,
    transactional_db,  # noqa: ARG001 - asked for its effect
) -> Iterator[Callable[..., list[Child]]]:
    """Start the custodian and so many pumps, once the chains are known; returns the pumps."""
    children: list[Child] = []

    def launch(pumps: int = 1) -> list[Child]:
        env = request.getfixturevalue("process_env") | product_env
        port = product_env["CUSTODIAN_URL"].rpartition(":")[2]
        custodian = ["sandbox_custodian", "--port", port, "--state", str(tmp_path / "custodian")]
        commands = [("custodian", custodian)]
        commands += [(f"pump-{number}", ["pump"]) for number in range(pumps)]
        for name, arguments in commands:
            log_path = testing.folder() / f"journey-{name}.log"
            children.append(start(name, [*MANAGE, *arguments], log_path=log_path, env=env))
        return children[1:]

    yield launch
    stop(children, timeout_seconds=10)
