"""One running stack: servers first, then the product's processes; everything ends with it."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from config.devstack import places, ports, programs
from config.devstack.environment import product_environment
from config.devstack.processes import Child, Interrupted, StackError, start, stop, wait_until
from config.devstack.programs import Program
from config.devstack.services import BLOCK_SECONDS, Services, start_services
from config.devstack.state import State

PREPARE_SECONDS = 120
READY_SECONDS = 60
# Together under the ten seconds after which a person presses Ctrl-C again.
STOP_PROGRAMS_SECONDS = 5
STOP_SERVICES_SECONDS = 4
WATCH_SECONDS = 0.5


class Stack:
    """The servers and processes of one checkout."""

    def __init__(self, state: State, *, keep: bool) -> None:
        self.state = state
        self.keep = keep
        self.services = Services()
        self.ports = state.ports(keep=keep)
        self.env: dict[str, str] = {}
        self.running: dict[str, Child] = {}
        self.prepared: dict[str, Any] = {}

    def start_servers(self) -> None:
        """Start or find the servers and settle the product's environment."""
        start_services(self.services, self.state, keep=self.keep)
        self.env = product_environment(self.services, self.state, self.ports)

    def prepare(self) -> None:
        """Migrate, seed and deploy in one process; what it reports is in ``prepared``.

        Meanwhile the processes that need no tables yet load their code.
        """
        for program in self._programs():
            if not program.needs_tables:
                self._start(program)
        report = self.state.folder / "prepared.json"
        report.unlink(missing_ok=True)
        child = start(
            "prepare",
            [sys.executable, "-m", "config.devstack.prepare", report, self.state.key_path],
            log_path=self.state.logs / "prepare.log",
            env=self.env,
            cwd=places.CHECKOUT,
        )
        self.running["prepare"] = child
        wait_until(
            lambda: child.process.poll() == 0,
            child=child,
            timeout_seconds=PREPARE_SECONDS,
            what="migrating and seeding",
        )
        del self.running["prepare"]
        self.prepared = json.loads(report.read_text())
        report.unlink()
        if self.services.chain is not None:
            self.services.chain.interval_mining(BLOCK_SECONDS)

    def start_programs(self) -> None:
        """Start every process that does not run yet, all at once, then wait for each."""
        wanted = self._programs()
        for program in wanted:
            if program.name not in self.running:
                self._start(program)
        for program in wanted:
            self._await(program)

    def start_program(self, name: str) -> None:
        """Start one process again after it was ended."""
        program = next(each for each in self._programs() if each.name == name)
        self._start(program)
        self._await(program)

    def kill_program(self, name: str) -> int:
        """SIGKILL one process, as a crash would, and return the id it had."""
        child = self.running.pop(name)
        os.killpg(child.pid, signal.SIGKILL)
        child.process.wait()
        return child.pid

    def check(self) -> None:
        """Raise StackError when a process ended that nobody asked to end."""
        for child in [*self.services.children, *self.running.values()]:
            if not child.is_running():
                code = child.process.returncode
                raise StackError(f"{child.name} ended with code {code}:\n{child.log_tail()}")

    def watch(self) -> None:
        """Stay until somebody ends the stack or a process of it fails."""
        while True:
            self.check()
            time.sleep(WATCH_SECONDS)

    def stop(self) -> list[str]:
        """End everything, the product before its servers. Returns who had to be killed."""
        killed = stop(self.running.values(), timeout_seconds=STOP_PROGRAMS_SECONDS)
        self.running.clear()
        killed += stop(reversed(self.services.children), timeout_seconds=STOP_SERVICES_SECONDS)
        self.services.children.clear()
        return killed

    def _programs(self) -> list[Program]:
        return programs.programs(self.ports, folder=str(self.state.folder))

    def _log(self, program: Program) -> Path:
        return self.state.logs / f"{program.name}.log"

    def _start(self, program: Program) -> None:
        log_path = self._log(program)
        log_path.unlink(missing_ok=True)
        self.running[program.name] = start(
            program.name,
            program.command,
            log_path=log_path,
            env={**self.env, **program.extra_env},
            cwd=places.CHECKOUT,
        )

    def _await(self, program: Program) -> None:
        child = self.running[program.name]

        def is_ready() -> bool:
            if program.port is not None and not ports.answers(program.port):
                return False
            return program.ready_text in child.log_path.read_text(errors="replace")

        wait_until(
            is_ready,
            child=child,
            timeout_seconds=READY_SECONDS,
            what=f"the start of {program.name}",
        )


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


@contextlib.contextmanager
def running_stack(kind: str, *, keep: bool, fresh: bool) -> Iterator[Stack]:
    """A locked stack with its servers up; ends everything whatever happens inside."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    state = State(kind)
    with state.locked():
        state.open(fresh=fresh)
        stack = Stack(state, keep=keep)
        try:
            stack.start_servers()
            yield stack
        finally:
            # From here a second signal must not leave half of it running.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            began = time.monotonic()
            killed = stack.stop()
            if not keep:
                state.forget_data()
            print(f"stopped in {time.monotonic() - began:.1f} s", end="")
            print(f" (killed: {', '.join(killed)})" if killed else "")
