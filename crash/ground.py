"""Everything a campaign stands on: servers, the product's environment, the stage, the side processes."""

import base64
import json
import os
import secrets
import shutil
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from config.devstack import places, ports, redis_server
from config.devstack.anvil import CHAIN_ID, Anvil, await_chain, program, program_version
from config.devstack.processes import Child, StackError, start, stop, wait_until
from config.devstack.redis_server import RedisServer, start_redis
from crash.facts import SLOTS_IN_AN_EPOCH
from crash.servers import Cluster

STOP_SECONDS = 5
PROXY_SECONDS = 20
STALL_SECONDS = 5.0
# As many operators as the pipeline wants to hear.
ENDPOINTS = 3


def product_environment(*, database_url: str, redis_url: str) -> dict[str, str]:
    """What the settings read; secrets of this run only."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "SHAREMINT_DEVELOPMENT": "1",
        "CHAIN_IDS": f"anvil={CHAIN_ID}",
        "CHAIN_RPC_URLS": "anvil=http://127.0.0.1:1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
    }


def start_chain(log_path: Path) -> Anvil:
    """A chain with a short finality, which mines each transaction at once until told otherwise."""
    binary = program()
    if binary is None:
        raise StackError("anvil is missing: run ./dev lint once, which fetches it")
    port = ports.free_port()
    command: list[str | Path] = [binary, "--host", ports.LOOPBACK, "--port", str(port)]
    command += ["--slots-in-an-epoch", str(SLOTS_IN_AN_EPOCH), "--enable-tx-gas-limit", "--silent"]
    command += ["--chain-id", str(CHAIN_ID)]
    child = start("chain", command, log_path=log_path)
    return await_chain(child, port=port, chain_id=CHAIN_ID, version=program_version(binary))


@dataclass
class Ground:
    """The running servers of one campaign, in a folder of their own."""

    folder: Path
    cluster: Cluster
    children: list[Child] = field(default_factory=list)

    def start(self, golden: Path | None) -> None:
        """Start the servers and tell this process's settings where they are."""
        self.cluster.start(golden)
        self.redis: RedisServer = start_redis(
            folder=self.folder / "redis", log_path=self.folder / "redis.log"
        )
        self.children.append(self.redis.child)
        self.chain = start_chain(self.folder / "chain.log")
        self.fork = start_chain(self.folder / "fork.log")
        self.children += [self.chain.child, self.fork.child]
        os.environ.update(
            product_environment(database_url=self.cluster.url, redis_url=self.redis.url)
        )

    def start_proxy(self, seed: int) -> list[str]:
        """Start the liar between the workers and the chain; returns its endpoints' addresses."""
        port = ports.free_port()
        command = [sys.executable, "-m", "crash.proxy", str(port), self.chain.url, self.fork.url]
        command.append(str(seed))
        child = start("proxy", command, log_path=self.folder / "proxy.log", cwd=places.CHECKOUT)
        self.children.append(child)
        wait_until(
            # Another campaign's proxy may have taken the port meanwhile: it must be our own.
            lambda: ports.listens(child.pid, port),
            child=child,
            timeout_seconds=PROXY_SECONDS,
            what="the start of the proxy",
        )
        self.proxy_url = f"http://{ports.LOOPBACK}:{port}"
        return [f"{self.proxy_url}/{number}" for number in range(ENDPOINTS)]

    def start_checker(self, spec: dict[str, Any]) -> Child:
        """Start the judge."""
        path = self.folder / "checker.json"
        path.write_text(json.dumps(spec))
        command = [sys.executable, "-m", "crash.checker", str(path)]
        child = start("checker", command, log_path=self.folder / "checker.log", cwd=places.CHECKOUT)
        self.children.append(child)
        return child

    def set_chance(self, chance: float) -> None:
        """How often an ordinary request meets a fault from now on."""
        self._tell_proxy("chance", str(chance))

    def fault_counts(self) -> dict[str, int]:
        """How often each fault has happened."""
        with urllib.request.urlopen(f"{self.proxy_url}/counts", timeout=10) as answer:  # noqa: S310 - our own loopback address
            counts: dict[str, int] = json.load(answer)
        return counts

    def forget_prices(self) -> None:
        """Tell the proxy that the pool was emptied."""
        self._tell_proxy("forget", "")

    def stall(self) -> None:
        """Let the chain's finality stand still for a while, as the workers see it."""
        self._tell_proxy("stall", str(STALL_SECONDS))

    def split(self, endpoints: Sequence[int], seconds: float, *, blocks: int) -> None:
        """The other node leaves the chain some blocks ago and goes its own way for so long, with
        these endpoints on its side."""
        number = max(self.chain.block_number() - blocks, 1)
        forking = {"jsonRpcUrl": self.chain.url, "blockNumber": number}
        self.fork.rpc("anvil_reset", {"forking": forking})
        self.fork.automine(on=False)
        self._tell_proxy("split", json.dumps({"endpoints": list(endpoints), "seconds": seconds}))

    def kill_redis(self) -> None:
        """SIGKILL Redis and start it again, empty, at the same address."""
        dead = self.redis.child
        dead.process.kill()
        dead.process.wait()
        self.children.remove(dead)
        command = [redis_server._program(), self.folder / "redis" / "redis.conf"]  # noqa: SLF001 - the one place that knows the binary
        child = start("redis", command, log_path=self.folder / "redis.log")
        self.children.append(child)
        self.redis = replace(self.redis, child=child)

    def flushall(self) -> None:
        """Empty Redis."""
        client = redis.Redis.from_url(self.redis.url, retry=Retry(ConstantBackoff(0.1), 20))
        client.flushall()
        client.close()

    def stop(self) -> None:
        """End everything and remove what it kept."""
        stop(reversed(self.children), timeout_seconds=STOP_SECONDS)
        self.cluster.stop()

    def remove(self) -> None:
        """Throw the servers' data away; logs and findings stay."""
        for home in self.folder.glob("pg*"):
            if home.is_dir():
                shutil.rmtree(home, ignore_errors=True)

    def _tell_proxy(self, what: str, body: str) -> None:
        request = urllib.request.Request(  # noqa: S310 - as above
            f"{self.proxy_url}/{what}", data=body.encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - as above
