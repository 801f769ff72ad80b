"""The private servers of a test run are real, private and controllable."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from config.devstack import places, ports


@pytest.mark.django_db
def test_the_run_has_a_postgresql_of_its_own():
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
        cursor.execute("SHOW server_version_num")
        assert int(cursor.fetchone()[0]) >= 180_000
    assert connection.settings_dict["NAME"].startswith("test_")


def test_redis_is_private_and_empty(redis_server):
    redis_server.set("key", "value")
    assert redis_server.get("key") == b"value"
    assert redis_server.config_get("bind")["bind"] == "127.0.0.1"
    assert redis_server.config_get("requirepass")["requirepass"]


def test_the_chain_finalizes_and_can_be_reorganised(anvil):
    assert anvil.mine(5) == 5
    assert anvil.block_number("finalized") == 3
    fifth = anvil.rpc("eth_getBlockByNumber", "0x5", False)["hash"]
    anvil.reorg(2)
    assert anvil.rpc("eth_getBlockByNumber", "0x5", False)["hash"] != fifth


def test_the_chain_goes_back_to_a_snapshot(anvil):
    address = "0x" + "11" * 20
    before = anvil.snapshot()
    anvil.set_balance(address, 7)
    assert anvil.balance(address) == 7
    anvil.revert(before)
    assert anvil.balance(address) == 0


def test_a_stranger_on_the_port_is_not_taken_for_our_chain(anvil):
    assert ports.listens(anvil.child.pid, anvil.port)
    assert not ports.listens(os.getpid(), anvil.port)


def test_two_chains_of_one_test_have_their_own_ports(start_chain):
    first, second = start_chain(), start_chain(chain_id=31_338)
    assert first.port != second.port
    assert second.rpc("eth_chainId") == hex(31_338)


def test_a_child_dies_with_its_parent(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from config.devstack.processes import start\n"
        "child = start('sleeper', ['sleep', '60'], log_path=Path(sys.argv[1]))\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        check=False,
        cwd=places.CHECKOUT,
    )
    status = Path(f"/proc/{int(done.stdout)}/status")
    deadline = time.monotonic() + 5
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_process_under_test_sees_the_same_database(process_env):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE seen_by_both (id int)")
    code = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "print(connection.introspection.table_names())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=places.CHECKOUT,
        env=process_env,
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE seen_by_both")
    assert "seen_by_both" in done.stdout, done.stderr
