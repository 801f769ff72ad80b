"""Fixtures for everything outside Python: a chain of one's own, Redis, and processes under test."""

import gc
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import redis as redis_client
from django.db import connection, transaction
from django.test import TransactionTestCase

from config.devstack import testing
from config.devstack.anvil import Anvil, program_version, start_anvil
from config.devstack.anvil import program as anvil_program
from config.devstack.processes import stop
from crash.crew import planted
from tests.crash.matrix import Matrix
from tests.tables import PAST_FOREIGN_KEYS, may_go_past_foreign_keys, tables

STOP_SECONDS = 5
# Until the young ones are looked at; Python's own 700 is a few rows of a query.
OBJECTS_MADE = 10_000
# Their files take longest: begun last, one of them would keep a single core busy at the end.
LONG_FIRST = ("journeys", "crash", "bench", "conformance", "browser", "issuance")


def pytest_configure(config: pytest.Config) -> None:
    """Judge the failpoints of a whole run, in the process that sees the results of all others."""
    if not hasattr(config, "workerinput"):
        here = Path(__file__).parent
        config.pluginmanager.register(
            Matrix(config, planted=planted, whole=[here, here / "crash"]), "failpoints"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders of long files; the order within a folder stays."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, though not among the modules and the tests themselves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_MADE)
    gc.enable()


def pytest_report_header() -> list[str]:
    """Say what the run uses; each test that needs a chain starts its own anvil."""
    binary = anvil_program()
    chain = f"anvil {program_version(binary)} ({binary})" if binary else "anvil is MISSING"
    where = os.environ["DATABASE_URL"].rpartition("@")[2]
    redis_at = os.environ["REDIS_URL"].rpartition("@")[2]
    return [f"private servers: PostgreSQL {unquote(where)}, Redis {redis_at}, {chain}"]


class _Faults(logging.Handler):
    """Keeps what the walls between the pipeline's pieces report."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@pytest.fixture(autouse=True)
def faults() -> Iterator[list[str]]:
    """The errors that nobody foresaw; a test that brings some about takes them out of the list."""
    watched, kept = logging.getLogger("issuance.pipeline.walls"), _Faults()
    watched.addHandler(kept)
    yield kept.seen
    watched.removeHandler(kept)
    assert kept.seen == []


@pytest.fixture
def start_chain() -> Iterator[Callable[..., Anvil]]:
    """Start as many chains as a test needs; takes the arguments of ``start_anvil``."""
    started = []

    def start(**options: Any) -> Anvil:
        log_path = testing.folder() / f"chain-{secrets.token_hex(4)}.log"
        started.append(start_anvil(log_path=log_path, **options))
        return started[-1]

    yield start
    stop([chain.child for chain in started], timeout_seconds=STOP_SECONDS)


@pytest.fixture
def anvil(start_chain: Callable[..., Anvil], settings) -> Anvil:
    """A fresh chain, known to the settings as the network "anvil"; each transaction is mined at once."""
    # A kept chain is put back with one request (tests/issuance/kept.py).
    chain = start_chain(extra=["--no-request-size-limit"])
    settings.CHAIN_RPC_URLS = {"anvil": [chain.url]}
    settings.CHAIN_IDS = {"anvil": chain.chain_id}
    return chain


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of the run's private Redis."""
    return os.environ["REDIS_URL"]


@pytest.fixture
def redis_server(redis_url) -> Iterator[redis_client.Redis]:
    """A client of the run's private Redis, emptied before the test."""
    client = redis_client.Redis.from_url(redis_url)
    if "TEST_REDIS_URL" in os.environ:
        assert client.dbsize() == 0, "TEST_REDIS_URL names a database with keys in it"
    else:
        client.flushall()
    yield client
    client.close()


@pytest.fixture
def process_env(transactional_db, settings) -> dict[str, str]:  # noqa: ARG001 - asked for its effect
    """The environment for a process under test: it sees the test's database, Redis and chain."""
    details = connection.settings_dict
    user, host = quote(details["USER"], safe=""), quote(details["HOST"], safe="")
    password = f":{quote(details['PASSWORD'], safe='')}" if details["PASSWORD"] else ""
    port = f":{details['PORT']}" if details["PORT"] else ""
    urls = {name: " ".join(each) for name, each in settings.CHAIN_RPC_URLS.items()}
    return os.environ | {
        "DATABASE_URL": f"postgres://{user}{password}@{host}{port}/{details['NAME']}",
        "CHAIN_RPC_URLS": ",".join(f"{name}={each}" for name, each in urls.items()),
        "CHAIN_IDS": ",".join(f"{name}={each}" for name, each in settings.CHAIN_IDS.items()),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:  # noqa: ARG001 - runs after it
    """Tests that commit empty every table afterwards, which append-only tables rightly refuse."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # Bit 5 of tgtype marks a TRUNCATE trigger.
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgtype & 32 <> 0 AND NOT tgisinternal"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{trigger}"')
        if may_go_past_foreign_keys():
            replaced = pytest.MonkeyPatch()
            replaced.setattr(TransactionTestCase, "_fixture_teardown", _empty_tables)


def _empty_tables(_: TransactionTestCase) -> None:
    """Do as Django's flush does, a hundred times faster: most tables are empty already.

    Truncating makes new files for every table and index; what flush would then make anew, the
    permissions and the names of the models, stays. Only a superuser may pass by the foreign keys.
    """
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(PAST_FOREIGN_KEYS)
        cursor.execute("; ".join(f'DELETE FROM "{name}"' for name in tables()))
