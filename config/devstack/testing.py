"""The private servers of one test run, started before the settings are read."""

import atexit
import base64
import os
import secrets
import shutil
import uuid
from pathlib import Path

from config.devstack import places
from config.devstack.postgres import start_postgres
from config.devstack.processes import Child, stop
from config.devstack.redis_server import start_redis

# Set once the servers run, so that a process started by a test uses the same ones.
MARK = "SHAREMINT_TEST_SERVERS"
# Which of several test processes the servers belong to: each has its own, so none disturbs another.
WORKER = "SHAREMINT_TEST_WORKER"
STOP_SECONDS = 8


def provide() -> None:
    """Make every setting of a test run available in the environment.

    Only TEST_DATABASE_URL and TEST_REDIS_URL name servers to use: a DATABASE_URL that happens to
    be set may be anybody's and is overwritten.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if MARK in os.environ and os.environ[WORKER] == worker:
        return
    folder = places.session_folder("test")
    children: list[Child] = []
    atexit.register(_clear, folder, children)
    database_url = os.environ.get("TEST_DATABASE_URL", "")
    if not database_url:
        home = places.own_folder(folder / "postgres")
        postgres = start_postgres(home=home, log_path=folder / "postgres.log", durable=False)
        children.append(postgres.child)
        database_url = postgres.url
    redis_url = os.environ.get("TEST_REDIS_URL", "")
    if not redis_url:
        redis = start_redis(folder=folder / "redis", log_path=folder / "redis.log")
        children.append(redis.child)
        redis_url = redis.url
    os.environ |= {
        MARK: str(folder),
        WORKER: worker,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "SHAREMINT_DEVELOPMENT": "1",
        "CHAIN_IDS": "anvil=31337",
        "CHAIN_RPC_URLS": "anvil=http://127.0.0.1:1",  # nobody listens: the `anvil` fixture sets it
        "TEST_DATABASE_NAME": f"test_{uuid.uuid4().hex[:12]}",
    }


def folder() -> Path:
    """The run's own folder, for logs of what tests start."""
    return Path(os.environ[MARK])


def _clear(folder: Path, children: list[Child]) -> None:
    stop(children, timeout_seconds=STOP_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
