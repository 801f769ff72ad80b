"""The three servers behind the product: named in the environment, or private ones started here."""

import os
import sys
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import psycopg
import redis

from config.devstack import anvil, evm, ports, rpc
from config.devstack.postgres import start_postgres
from config.devstack.processes import Child, StackError
from config.devstack.redis_server import start_redis
from config.devstack.state import State

NETWORK = "anvil"
# What a person watching can follow. Until the stack serves, each transaction is mined at once.
BLOCK_SECONDS = 1


@dataclass
class Services:
    """Where the servers are, how each is described, and those of them that are ours to end."""

    database_url: str = ""
    redis_url: str = ""
    rpc_urls: str = ""
    chain_ids: str = ""
    # Our own anvil, when there is one.
    chain: anvil.Anvil | None = None
    lines: list[str] = field(default_factory=list)
    # In the order they were started; they are ended in reverse.
    children: list[Child] = field(default_factory=list)

    @property
    def rpc_url(self) -> str:
        """The first address of the first network."""
        return self.rpc_urls.split(",")[0].partition("=")[2].split()[0]

    @property
    def network(self) -> str:
        return self.rpc_urls.partition("=")[0]

    @property
    def chain_id(self) -> int:
        return int(dict(each.split("=") for each in self.chain_ids.split(","))[self.network])

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "CHAIN_RPC_URLS": self.rpc_urls,
            "CHAIN_IDS": self.chain_ids,
        }


def _describe(services: Services, name: str, version: str, where: str) -> None:
    services.lines.append(f"{name:<11} {version:<10} {where}")


def _place(url: str) -> str:
    """The host of a URL, without the credentials in it."""
    parts = urlsplit(url)
    return f"{unquote(parts.hostname or 'local')}{f':{parts.port}' if parts.port else ''}"


def _database(services: Services, state: State, *, keep: bool) -> None:
    services.database_url = os.environ.get("DATABASE_URL", "")
    if not services.database_url:
        postgres = start_postgres(
            home=state.postgres_home(), log_path=state.logs / "postgres.log", durable=True
        )
        services.children.append(postgres.child)
        services.database_url = postgres.url
        _describe(
            services, "PostgreSQL", postgres.version, f"private, socket {postgres.socket_folder}"
        )
        return
    try:
        with psycopg.connect(services.database_url) as connection:
            version = connection.info.parameter_status("server_version") or "?"
            found = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    except psycopg.OperationalError as refused:
        raise StackError(f"DATABASE_URL does not answer: {refused}") from refused
    if not keep and found != (None,):
        raise StackError("a demo needs an empty database, the one in DATABASE_URL has tables")
    _describe(services, "PostgreSQL", version, f"DATABASE_URL, {_place(services.database_url)}")


def _broker(services: Services, state: State) -> None:
    services.redis_url = os.environ.get("REDIS_URL", "")
    if services.redis_url:
        try:
            client = redis.Redis.from_url(services.redis_url, socket_connect_timeout=5)
            version = str(client.info("server")["redis_version"])
        except redis.RedisError as refused:
            raise StackError(f"REDIS_URL does not answer: {refused}") from refused
        _describe(services, "Redis", version, f"REDIS_URL, {_place(services.redis_url)}")
        return
    server = start_redis(folder=state.folder / "redis", log_path=state.logs / "redis.log")
    services.children.append(server.child)
    services.redis_url = server.url
    _describe(services, "Redis", server.version, f"private, {ports.LOOPBACK}:{server.port}")


def _chain(services: Services, state: State, *, keep: bool) -> None:
    services.rpc_urls = os.environ.get("CHAIN_RPC_URLS", "")
    if services.rpc_urls:
        chain_id = int(rpc.call(services.rpc_url, "eth_chainId"), 16)
        services.chain_ids = os.environ.get("CHAIN_IDS") or f"{services.network}={chain_id}"
        if chain_id != services.chain_id:
            raise StackError(f"{services.network} answers as chain {chain_id}, see CHAIN_IDS")
        version = str(rpc.call(services.rpc_url, "web3_clientVersion"))
        _describe(services, "chain", version, f"CHAIN_RPC_URLS, {_place(services.rpc_url)}")
        return
    log_path = state.logs / "chain.log"
    if anvil.program() is None:
        chain = evm.start_evm(log_path=log_path, block_seconds=BLOCK_SECONDS)
        name = "py-evm"
        print("anvil is missing: the chain is py-evm in memory, slower and without restarts")
    else:
        kept = state.folder / "chain.json" if keep else None
        chain = anvil.start_anvil(log_path=log_path, state=kept)
        services.chain = chain
        name = "anvil"
    services.children.append(chain.child)
    services.rpc_urls = f"{NETWORK}={chain.url}"
    services.chain_ids = f"{NETWORK}={chain.chain_id}"
    where = f"private, {ports.LOOPBACK}:{chain.port}, chain {chain.chain_id}"
    _describe(services, name, chain.version, f"{where}, genesis {chain.genesis[:10]}…")


def start_services(services: Services, state: State, *, keep: bool) -> None:
    """Fill ``services``. What was started before a failure is in it, for the caller to end.

    ``keep`` saves the chain for the next start and allows a database with tables in it.
    """
    _describe(services, "Python", sys.version.split()[0], sys.executable)
    _chain(services, state, keep=keep)
    _broker(services, state)
    _database(services, state, keep=keep)
