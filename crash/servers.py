"""The campaign's private servers: a PostgreSQL with an asynchronous standby, Redis and a chain.

The standby is a real one, streaming from the primary. A failover cuts the stream, lets the primary
commit on, kills it and promotes the standby: whatever was committed in between is lost for good.
"""

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.devstack import places
from config.devstack import postgres as devstack_postgres
from config.devstack.postgres import DATABASE, USER, Postgres, start_postgres
from config.devstack.processes import StackError, stop

STREAM_SECONDS_MAX = 30
# A standby that lags behind shall still find what it lacks.
SIZE = (*devstack_postgres.SMALL, "wal_keep_size=1GB")
PROMOTE_SECONDS_MAX = 30
STOP_SECONDS = 10


def _query(postgres: Postgres, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(
        postgres.url_of(DATABASE), autocommit=True, connect_timeout=5
    ) as connection:
        # The texts are constants of this module.
        cursor = connection.execute(text.encode())
        return list(cursor.fetchall()) if cursor.description else []


@dataclass(frozen=True)
class Failover:
    """What one promotion cost."""

    lost_events: int
    lost_attempts: int


class Cluster:
    """A primary, reached through a link that a failover moves, and at times its standby."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._link = folder / "current"
        self._number = 0
        self._copying: subprocess.Popen[bytes] | None = None
        self._copied_home: Path | None = None
        self.primary: Postgres | None = None
        self.standby: Postgres | None = None

    @property
    def url(self) -> str:
        """Where the primary of the moment is found."""
        return f"postgres://{USER}@{quote(str(self._link), safe='')}/{DATABASE}"

    def start(self, golden: Path | None) -> None:
        """Start the primary, from a copy of ``golden`` when it is given."""
        home = self._new_home()
        if golden is not None:
            subprocess.run(["cp", "-a", str(golden / "data"), str(home)], check=True)
        self.primary = self._start(home)
        self._point_to(self.primary)

    def begin_standby(self) -> None:
        """Start copying the primary; ``standby_is_ready`` says when the copy streams."""
        assert self.primary is not None
        home = self._new_home()
        target = places.server_folder(home / "data")
        command = [devstack_postgres._programs() / "pg_basebackup", "-D", target, "-U", USER]  # noqa: SLF001 - the one place that knows the binaries
        command += ["-h", self.primary.socket_folder, "-R", "-X", "stream", "-c", "fast"]
        command += ["--no-sync"]
        uid = places.server_uid()
        self._copied_home = home
        with (self._folder / "basebackup.log").open("ab") as log:
            self._copying = subprocess.Popen(
                [str(part) for part in command],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                user=uid,
                group=uid,
                extra_groups=None if uid is None else [],
            )

    def standby_is_ready(self) -> bool:
        """Whether a standby streams; starts the copied server when the copy is done."""
        if self.standby is None and self._copying is not None and self._copied_home is not None:
            code = self._copying.poll()
            if code is None:
                return False
            self._copying = None
            if code != 0:
                raise StackError(f"pg_basebackup ended with {code}: see {self._folder}")
            self.standby = self._start(self._copied_home)
        return self.standby is not None and self._streams()

    def await_standby(self) -> None:
        """Wait until the standby has replayed what the primary has committed so far."""
        assert self.primary is not None
        assert self.standby is not None
        ((target,),) = _query(self.primary, "SELECT pg_current_wal_insert_lsn()::text")
        deadline = time.monotonic() + STREAM_SECONDS_MAX
        while time.monotonic() < deadline:
            seen = _query(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{target}'::pg_lsn")
            if seen == [(True,)]:
                return
            time.sleep(0.05)
        raise StackError("the standby does not follow")

    def cut(self) -> None:
        """End the stream: from here the primary's commits reach nobody else."""
        assert self.standby is not None
        _query(self.standby, "ALTER SYSTEM SET primary_conninfo = ''")
        _query(self.standby, "SELECT pg_reload_conf()")
        deadline = time.monotonic() + STREAM_SECONDS_MAX
        while self._streams():
            if time.monotonic() > deadline:
                raise StackError("the stream to the standby cannot be cut")
            time.sleep(0.02)

    def is_ahead(self) -> bool:
        """Whether the primary has committed events that the standby has not."""
        assert self.primary is not None
        assert self.standby is not None
        return _rows(self.primary)[0] > _rows(self.standby)[0]

    def fail_over(self) -> Failover:
        """Kill the primary and promote the standby; what was not streamed is lost."""
        assert self.primary is not None
        assert self.standby is not None
        before = _rows(self.primary)
        dead = self.primary
        dead.child.process.send_signal(signal.SIGKILL)
        dead.child.process.wait()
        _query(self.standby, f"SELECT pg_promote(true, {PROMOTE_SECONDS_MAX})")
        _query(self.standby, "ALTER SYSTEM RESET primary_conninfo")
        self.primary, self.standby = self.standby, None
        self._point_to(self.primary)
        after = _rows(self.primary)
        shutil.rmtree(dead.socket_folder.parent, ignore_errors=True)
        return Failover(max(before[0] - after[0], 0), max(before[1] - after[1], 0))

    def is_copying(self) -> bool:
        """Whether a base backup runs, which would not survive its primary."""
        return self._copying is not None and self._copying.poll() is None

    def crash(self) -> None:
        """End the primary at once, without a checkpoint, and start it again on what it left."""
        assert self.primary is not None
        dead = self.primary.child.process
        dead.send_signal(signal.SIGQUIT)  # "immediate": as after a crash, recovery follows
        dead.wait()
        self.primary = self._start(self.primary.socket_folder.parent)

    def stop(self) -> None:
        """End every server."""
        if self._copying is not None:
            self._copying.kill()
            self._copying.wait()
        running = [each.child for each in (self.standby, self.primary) if each is not None]
        stop(running, timeout_seconds=STOP_SECONDS)

    def _streams(self) -> bool:
        assert self.standby is not None
        text = "SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        return _query(self.standby, text) == [(True,)]

    def _new_home(self) -> Path:
        self._number += 1
        return places.own_folder(self._folder / f"pg{self._number}")

    def _start(self, home: Path) -> Postgres:
        log_path = self._folder / "postgres.log"
        return start_postgres(home=home, log_path=log_path, durable=False, size=SIZE)

    def _point_to(self, postgres: Postgres) -> None:
        fresh = self._folder / "next"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(postgres.socket_folder)
        fresh.replace(self._link)


def _rows(postgres: Postgres) -> tuple[int, int]:
    found = _query(
        postgres,
        "SELECT (SELECT count(*) FROM core_event), (SELECT count(*) FROM issuance_attempt)",
    )
    ((events, attempts),) = found
    assert isinstance(events, int)
    assert isinstance(attempts, int)
    return events, attempts
