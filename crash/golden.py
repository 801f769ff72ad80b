"""A migrated database, made once, that every campaign of a run starts from."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from config.devstack import places
from config.devstack.postgres import DATABASE, start_postgres
from config.devstack.processes import StackError, stop
from crash.ground import product_environment

STOP_SECONDS = 20


def make_golden(folder: Path) -> Path:
    """Migrate an empty database and stop its server; returns the folder to copy from."""
    home = places.own_folder(folder / "golden")
    postgres = start_postgres(home=home, log_path=folder / "golden.log", durable=False)
    settings = product_environment(database_url=postgres.url, redis_url="redis://127.0.0.1:1/0")
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=places.CHECKOUT,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        # As a deployment has it: a commit that was answered is in the log. Speed comes from fsync=off.
        with psycopg.connect(postgres.url_of(DATABASE), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {DATABASE} SET synchronous_commit = on".encode())
    finally:
        stop([postgres.child], timeout_seconds=STOP_SECONDS)
    if done.returncode != 0:
        raise StackError(f"the migrations failed: {done.stderr.strip()[-2000:]}")
    return home
