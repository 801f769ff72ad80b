"""The product's own processes around a stage: the same commands a deployment starts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.devstack import testing
from config.devstack.processes import Child, start, stop, wait_until
from issuance.chain.keystore import generate_keystore
from issuance.chain.signer import Permission, PolicyFile
from tests.issuance.stage import Stage, secret

PASSWORD = "password of the tests' keystores"
CELERY = [sys.executable, "-m", "celery", "-A", "config.celery"]
READY_SECONDS = 60
STOP_SECONDS = 10


def signing_environment(stage: Stage, folder: Path) -> dict[str, str]:
    """The stage's hot keys as encrypted files with their policy, and the variables naming them."""
    keystores, password = folder / "keys", folder / "password"
    password.write_text(PASSWORD)
    for role in ("ISSUER", "COMPLIANCE"):
        address = generate_keystore(keystores, password=PASSWORD, key=secret(role))
        permission = Permission(stage.node.chain_id, role, stage.token.address)
        PolicyFile(keystores).permit(address, [permission])
    return {"SIGNER_KEYSTORES": str(keystores), "SIGNER_PASSWORD_FILE": str(password)}


@contextmanager
def celery(env: dict[str, str], folder: Path) -> Iterator[list[Child]]:
    """A worker of the chain queue and a beat."""
    worker = start(
        "chain-worker",
        [*CELERY, "worker", "--pool", "solo", "--queues", "chain", "--loglevel", "INFO"],
        log_path=testing.folder() / "crash-worker.log",
        env=env,
    )
    beat = start(
        "beat",
        [*CELERY, "beat", "--schedule", str(folder / "schedule")],
        log_path=testing.folder() / "crash-beat.log",
        env=env,
    )
    try:
        wait_until(
            lambda: " ready." in worker.log_path.read_text(),
            child=worker,
            timeout_seconds=READY_SECONDS,
            what="the start of the worker",
        )
        yield [worker, beat]
    finally:
        stop([beat, worker], timeout_seconds=STOP_SECONDS)


def await_all(done: Callable[[], bool], *, child: Child, seconds: float, what: str) -> None:
    """Wait until the processes have done it by themselves."""
    wait_until(done, child=child, timeout_seconds=seconds, what=what)
