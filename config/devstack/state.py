"""What a stack keeps between starts: its folder, its lock and its random secrets."""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.devstack import places, ports
from config.devstack.processes import StackError
from config.devstack.programs import Ports

FOLDER_SETTING = "SHAREMINT_STACK_DIR"
LOCK_FILE = "lock"
SECRET_FILE = "secrets.json"  # noqa: S105 - a file name


class State:
    """The folder of one stack ("run" or "demo") below .stack or SHAREMINT_STACK_DIR."""

    def __init__(self, kind: str) -> None:
        root = Path(os.environ.get(FOLDER_SETTING) or places.CHECKOUT / ".stack")
        self.folder = root.absolute() / kind
        self.logs = self.folder / "logs"
        self.keystores = self.folder / "keys"
        # The institution's API key, kept so that a restart does not break anybody's scripts.
        self.key_path = self.folder / "api-key.json"
        # Server files lie outside when the server's user cannot enter the checkout.
        self.outside = places.outside(self.folder)

    def open(self, *, fresh: bool) -> None:
        """Create the folders; ``fresh`` throws away what a former start left.

        Secrets, chain and database are of no use without each other: when one is gone, the rest
        goes too.
        """
        private = not os.environ.get("DATABASE_URL")
        lost = not (self.folder / SECRET_FILE).exists() or (private and not self.outside.exists())
        if fresh or lost:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.forget_data()
            for name in ("postgres", "keys", "custodian", "redis", "logs"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            for path in self.folder.iterdir():
                # The lock is held already.
                if path.is_file() and path.name != LOCK_FILE:
                    path.unlink()
        self.logs.mkdir(parents=True, exist_ok=True)

    def forget_data(self) -> None:
        """Remove what lies outside the folder; logs and reports stay."""
        shutil.rmtree(self.outside, ignore_errors=True)

    def postgres_home(self) -> Path:
        """The folder of the cluster and its socket, reachable for the server's user.

        Outside the checkout also because a socket's path may have 107 characters only.
        """
        return places.own_folder(places.own_folder(self.outside) / "postgres")

    def keystore_password_file(self) -> Path:
        """The file that holds the password of every key file, made when absent."""
        path = self.keystores / "password"
        self.keystores.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path

    def ports(self, *, keep: bool) -> Ports:
        """Where the product will answer: where it did before if that is still free, for bookmarks.

        SHAREMINT_API_PORT and SHAREMINT_PORTAL_PORT choose; a taken port is an error then.
        """
        path = self.folder / "ports.json"
        before = json.loads(path.read_text()) if keep and path.exists() else {}
        chosen = {}
        for name in ("api", "portal", "custodian"):
            asked = int(os.environ.get(f"SHAREMINT_{name.upper()}_PORT") or 0)
            if asked and ports.answers(asked):
                raise StackError(f"port {asked}, asked for the {name}, is taken")
            kept = before.get(name, 0)
            free = kept if kept and not ports.answers(kept) else ports.free_port()
            chosen[name] = asked or free
        path.write_text(json.dumps(chosen))
        return Ports(**chosen)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. The kernel frees it however the process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK_FILE).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip()
                raise StackError(f"another ./dev (process {owner}) uses {self.folder}") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def secrets(self) -> dict[str, str]:
        """The stack's random secrets, made at its first start and readable by its owner only."""
        path = self.folder / SECRET_FILE
        if not path.exists():
            made = {
                "SECRET_KEY": secrets.token_urlsafe(48),
                "ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
                "API_KEY_PEPPER": secrets.token_urlsafe(48),
                "CUSTODIAN_SECRET": secrets.token_urlsafe(32),
                "SANDBOX_ATTESTOR_KEY": "0x" + secrets.token_bytes(32).hex(),
            }
            write_private(path, json.dumps(made, indent=1))
        stored: dict[str, str] = json.loads(path.read_text())
        return stored


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    part.rename(path)
