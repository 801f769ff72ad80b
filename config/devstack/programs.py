"""The product's own processes: what each is called, how it is started and when it is ready."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.celery import CHAIN_QUEUE, DEFAULT_QUEUE
from config.devstack import places, ports

MANAGE = (sys.executable, str(places.CHECKOUT / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "-A", "config.celery")
WEB_THREADS = 4


@dataclass(frozen=True)
class Program:
    """One process of the product. ``port`` is what it must listen on to be ready."""

    name: str
    command: Sequence[str]
    port: int | None = None
    extra_env: Mapping[str, str] = field(default_factory=dict)
    # A worker that shows its readiness in its log only.
    ready_text: str = ""
    # Whether it asks the database before anybody asks it something.
    needs_tables: bool = True


def _web(name: str, *, port: int, edge: str) -> Program:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", ports.LOOPBACK]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", str(WEB_THREADS)]
    command += ["--no-access-log", "config.wsgi:application"]
    env = {"SHAREMINT_EDGE": edge}
    return Program(name, command, port=port, extra_env=env, needs_tables=False)


def _worker(name: str, *, queue: str) -> Program:
    # One process without a pool: SIGKILL ends the work itself, not only its parent.
    command = [*CELERY, "worker", "--pool", "solo", "--queues", queue, "--hostname", f"{name}@%h"]
    command += ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    # It waits for beat's first ring, and beat waits for the tables.
    return Program(name, command, ready_text=" ready.", needs_tables=False)


@dataclass(frozen=True)
class Ports:
    """Where the product answers on the loopback address."""

    api: int
    portal: int
    custodian: int

    @property
    def api_url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.api}"

    @property
    def portal_url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.portal}/portal/"

    @property
    def custodian_url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.custodian}"


def programs(where: Ports, *, folder: str) -> list[Program]:
    """Every process, in the order of starting. They are ended in the same order."""
    custodian = ["--port", str(where.custodian), "--state", f"{folder}/custodian"]
    return [
        _web("api", port=where.api, edge="api"),
        _web("portal", port=where.portal, edge="portal"),
        Program("beat", [*CELERY, "beat", "--schedule", f"{folder}/beat-schedule"]),
        _worker("worker", queue=DEFAULT_QUEUE),
        _worker("chain-worker", queue=CHAIN_QUEUE),
        Program("webhooks", [*MANAGE, "dispatch_webhooks"]),
        Program(
            "custodian",
            [*MANAGE, "sandbox_custodian", *custodian],
            port=where.custodian,
            needs_tables=False,
        ),
    ]
