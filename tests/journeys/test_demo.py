"""./dev demo is the product's main promise: it must hold, and its summary must keep its shape."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.devstack import places
from config.devstack.state import State

DEMO_SECONDS_MAX = 300
# What the shell of a developer has; the test run's own servers must not leak in.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


@pytest.fixture
def shell_env(tmp_path, monkeypatch) -> Iterator[dict[str, str]]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    monkeypatch.setenv("SHAREMINT_STACK_DIR", str(tmp_path / "stack"))
    yield inherited | {"SHAREMINT_STACK_DIR": str(tmp_path / "stack")}
    for kind in ("demo", "run"):
        State(kind).forget_data()


def test_the_demo_ends_ok_and_its_summary_balances(tmp_path, shell_env):
    summary_path = tmp_path / "summary.json"
    done = subprocess.run(
        [sys.executable, "-m", "config.devstack", "demo", "--json", str(summary_path)],
        cwd=places.CHECKOUT,
        env=shell_env,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEMO_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.rstrip().endswith("demo: ok")
    summary = json.loads(summary_path.read_text())
    assert set(summary) == {
        "ok",
        "seconds_to_first_mint",
        "tokens",
        "funds",
        "orders",
        "decisions",
        "refusals",
        "events",
    }
    assert {each["symbol"]: each["supply"] for each in summary["tokens"]} == {
        "sIBIT": "551",
        "sFBTC": "300",
    }
    assert all(each["supply"] == each["backing"] for each in summary["tokens"])
    mints = [order for order in summary["orders"] if order["type"] == "mint"]
    assert [order["mints_on_chain"] for order in mints] == [1] * len(mints)
    assert summary["events"]["missing"] == summary["events"]["duplicated"] == 0
    assert summary["events"]["verified"] == summary["events"]["sent"] > 0
    refused = {each["subject"]: each for each in summary["decisions"] if each["effect"] == "deny"}
    assert set(refused) == {"C", "D"}
    assert all(rule["clause"] for each in refused.values() for rule in each["rules"])


def _children(pid: int) -> set[int]:
    """Every process below ``pid``."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | _children(child)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_stack_that_is_ended(shell_env, tmp_path, number):
    log = (tmp_path / "out").open("w+")
    stack = subprocess.Popen(
        [sys.executable, "-m", "config.devstack", "run"],
        cwd=places.CHECKOUT,
        env=shell_env,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 60
    # In the middle of starting: servers run, the product is on its way up.
    while len(children := _children(stack.pid)) < 5:
        assert stack.poll() is None, Path(log.name).read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    stack.send_signal(number)
    began = time.monotonic()
    stack.wait(timeout=15)
    while any(_runs(pid) for pid in children):
        assert time.monotonic() - began < 10, [pid for pid in children if _runs(pid)]
        time.sleep(0.05)
    log.close()


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
