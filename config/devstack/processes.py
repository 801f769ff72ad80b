"""Child processes that log to a file, die with their parent and are ended in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.05
# Most of what is waited for is there soon: the first looks follow one another closely.
POLL_SECONDS_FIRST = 0.005
LOG_TAIL_CHARACTERS = 2_000


class StackError(Exception):
    """A service of the development stack could not be started or has ended."""


class Interrupted(Exception):
    """Somebody asked the stack to end."""


@dataclass
class Child:
    """One running service."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    stop_signal: int = signal.SIGTERM

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def log_tail(self) -> str:
        """The end of the log, for an error message."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:].strip()


def _tied_to_parent(death_signal: int) -> Callable[[], None] | None:
    """What the child runs before exec, so that it gets ``death_signal`` when the parent ends."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return tie


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log_path: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: int = signal.SIGTERM,
    uid: int | None = None,
) -> Child:
    """Start ``command`` in a session of its own; ``uid`` drops root's rights first.

    Call it on the main thread: the kernel ties the child to the thread that started it.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            # Only a prctl call, no lock is taken between fork and exec.
            preexec_fn=_tied_to_parent(stop_signal),  # noqa: PLW1509
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
    return Child(name=name, process=process, log_path=log_path, stop_signal=stop_signal)


def wait_until(
    ready: Callable[[], bool], *, child: Child, timeout_seconds: float, what: str
) -> None:
    """Poll ``ready`` until it is true; raise StackError when the child ends or time runs out."""
    deadline, pause = time.monotonic() + timeout_seconds, POLL_SECONDS_FIRST
    while not ready():
        if not child.is_running():
            code = child.process.returncode
            raise StackError(f"{child.name} ended with code {code}:\n{child.log_tail()}")
        if time.monotonic() > deadline:
            raise StackError(f"{what} took over {timeout_seconds:.0f} s:\n{child.log_tail()}")
        time.sleep(pause)
        pause = min(2 * pause, POLL_SECONDS)


def stop(children: Iterable[Child], *, timeout_seconds: float) -> list[str]:
    """Ask every child to end, wait, then kill. Returns the names of those that had to be killed."""
    running = [child for child in children if child.is_running()]
    for child in running:
        child.process.send_signal(child.stop_signal)
    deadline = time.monotonic() + timeout_seconds
    killed = []
    for child in running:
        try:
            child.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.process.wait()
            killed.append(child.name)
    return killed


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
