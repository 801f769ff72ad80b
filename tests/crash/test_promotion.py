"""A real promotion: the very first statement on the promoted standby sees another history."""

import secrets
import time

import psycopg

from config.devstack import testing
from config.devstack.postgres import DATABASE
from core import history
from crash.servers import Cluster

READY_SECONDS_MAX = 120


def ask(cluster, text):
    with psycopg.connect(cluster.primary.url_of(DATABASE), autocommit=True) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def test_a_promoted_standby_tells_another_history_from_its_first_statement_on():
    folder = testing.folder() / f"promotion-{secrets.token_hex(4)}"
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        cluster.start(None)
        # What a campaign counts to say what was lost, and the gate as the migration makes it.
        ask(cluster, "CREATE TABLE core_event (id int)")
        ask(cluster, "CREATE TABLE issuance_attempt (id int)")
        ask(cluster, "CREATE TABLE gate (status text, mark text)")
        ask(cluster, f"INSERT INTO gate SELECT 'OPERATING', {history.MARK_SQL}")
        cluster.begin_standby()
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not cluster.standby_is_ready():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        cluster.await_standby()
        known = f"SELECT mark = {history.MARK_SQL} FROM gate"
        assert ask(cluster, known) == [(True,)]
        cluster.cut()
        ask(cluster, "INSERT INTO issuance_attempt VALUES (1)")
        assert ask(cluster, known) == [(True,)]
        lost = cluster.fail_over()
        assert lost.lost_attempts == 1
        assert ask(cluster, known) == [(False,)]
    finally:
        cluster.stop()
