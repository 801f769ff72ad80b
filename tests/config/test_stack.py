"""The development stack: one owner, secrets for the owner only, children that end in order."""

import os
import signal
import stat
import subprocess
import sys
import time

import psycopg
import pytest

from config.devstack import places
from config.devstack.environment import INHERITED, product_environment
from config.devstack.postgres import start_postgres
from config.devstack.processes import StackError, start, stop, wait_until
from config.devstack.programs import Ports, programs
from config.devstack.services import Services
from config.devstack.state import State

DEV = places.CHECKOUT / "dev"


@pytest.fixture
def state(tmp_path, monkeypatch) -> State:
    monkeypatch.setenv("SHAREMINT_STACK_DIR", str(tmp_path))
    state = State("test")
    state.folder.mkdir()
    state.open(fresh=True)
    return state


def test_a_second_stack_in_the_same_folder_is_refused(state):
    with state.locked(), pytest.raises(StackError, match=r"another \./dev"), state.locked():
        pass


def test_a_lock_left_by_a_killed_process_is_free(state):
    code = (
        "import os, signal\n"
        "from config.devstack.state import State\n"
        "with State('test').locked():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=places.CHECKOUT, check=False)
    assert (state.folder / "lock").read_text().isdigit()
    with state.locked():
        pass


def test_secrets_are_random_kept_and_readable_by_their_owner_only(state):
    first = state.secrets()
    assert state.secrets() == first
    mode = stat.S_IMODE((state.folder / "secrets.json").stat().st_mode)
    assert mode == 0o600
    state.open(fresh=True)
    assert state.secrets()["SECRET_KEY"] != first["SECRET_KEY"]


def test_a_fresh_start_forgets_what_belongs_to_the_old_secrets(state):
    state.secrets()
    state.keystore_password_file()
    (state.folder / "chain.json").write_text("{}")
    (state.folder / "sampled").touch()
    state.open(fresh=True)
    left = {path.name for path in state.folder.iterdir()} - {"logs", "lock"}
    assert left == set()


def test_ports_stay_over_a_restart_unless_somebody_took_them(state):
    before = state.ports(keep=True)
    assert state.ports(keep=True) == before
    assert state.ports(keep=False) != before


def test_an_asked_for_port_that_is_taken_is_an_error(state, monkeypatch, anvil):
    monkeypatch.setenv("SHAREMINT_API_PORT", str(anvil.port))
    with pytest.raises(StackError, match="is taken"):
        state.ports(keep=False)


def test_the_products_environment_holds_nothing_else_of_the_shell(state, monkeypatch):
    monkeypatch.setenv("SOME_CREDENTIAL", "leak")
    services = Services(database_url="d", redis_url="r", rpc_urls="n=u", chain_ids="n=1")
    env = product_environment(services, state, Ports(1, 2, 3))
    assert "SOME_CREDENTIAL" not in env
    assert "SOME_CREDENTIAL" not in INHERITED


def test_every_process_of_the_product_is_started_by_its_own_command():
    started = programs(Ports(1, 2, 3), folder="/nowhere")
    assert len({tuple(each.command) for each in started}) == len(started) == 7


def test_what_ends_while_it_is_awaited_is_reported_with_its_last_words(tmp_path):
    child = start("broken", ["sh", "-c", "echo no such luck; exit 3"], log_path=tmp_path / "log")
    with pytest.raises(StackError, match=r"(?s)ended with code 3.*no such luck"):
        wait_until(lambda: False, child=child, timeout_seconds=5, what="it")


def test_a_child_that_ignores_the_signal_is_killed_in_time(tmp_path):
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    child = start("stubborn", ["sh", "-c", stubborn], log_path=tmp_path / "log")
    wait_until(
        lambda: "ready" in child.log_path.read_text(),
        child=child,
        timeout_seconds=5,
        what="the trap",
    )
    began = time.monotonic()
    assert stop([child], timeout_seconds=0.3) == ["stubborn"]
    assert time.monotonic() - began < 3
    assert child.process.returncode == -signal.SIGKILL


def test_a_database_survives_the_restart_of_its_server(state):
    home = state.postgres_home()
    try:
        first = start_postgres(home=home, log_path=state.logs / "postgres.log", durable=True)
        with psycopg.connect(first.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        assert stop([first.child], timeout_seconds=10) == []
        again = start_postgres(home=home, log_path=state.logs / "postgres.log", durable=True)
        with psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        stop([again.child], timeout_seconds=10)
    finally:
        state.open(fresh=True)
    assert not home.exists()


def test_the_data_folder_lies_where_its_server_can_reach_it(state):
    home = state.postgres_home()
    if places.server_uid() is not None:
        assert places.others_may_enter(home)
    server = places.server_folder(home / "data")
    assert stat.S_IMODE(server.stat().st_mode) == 0o700
    state.open(fresh=True)


def test_a_folder_that_is_a_link_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StackError, match="somebody else"):
        places.own_folder(tmp_path / "link")


def test_dev_names_its_commands_and_refuses_unknown_ones():
    env = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run([DEV, "nonsense"], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
