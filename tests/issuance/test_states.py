"""The transition tables: complete, ended, and known word for word to the database."""

import uuid
from importlib import import_module
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.errors import StateConflict
from core.transitions import move
from issuance import states
from issuance.models import Attempt, ChainTransaction, Order
from issuance.states import ORDER_TRANSITIONS, OrderStatus
from tests.issuance import paper as papers
from tests.issuance.stage import TEST

TABLES = [
    (states.ORDER_TRANSITIONS, states.OrderStatus),
    (states.CHAIN_TRANSACTION_TRANSITIONS, states.ChainTransactionStatus),
    (states.HOLDER_TRANSITIONS, states.HolderStatus),
    (states.TOKEN_TRANSITIONS, states.TokenStatus),
    (states.NETWORK_TRANSITIONS, states.NetworkStatus),
    (states.RECOVERY_TRANSITIONS, states.RecoveryStatus),
    (states.REWIND_TRANSITIONS, states.RewindStatus),
    (states.MOVE_TRANSITIONS, states.MoveStatus),
]
guards = import_module("issuance.migrations.0002_guards")
guards_asked = import_module("issuance.migrations.0017_guards_ask_first")
move_guards = import_module("issuance.migrations.0005_moves")


@pytest.mark.parametrize(("table", "statuses"), TABLES)
def test_each_table_names_every_status_and_leads_only_to_known_ones(table, statuses):
    assert set(table) == set(statuses.values)
    assert {after for afters in table.values() for after in afters} <= set(statuses.values)


@pytest.mark.parametrize("status", states.MoveStatus.values)
def test_every_move_status_has_a_name_in_the_api(status):
    shown = states.move_api_status(status)
    assert shown in states.API_STATUSES
    assert (shown != "pending") == (status in states.MOVE_FINAL)
    assert status in states.exact_move_statuses(shown)


@pytest.mark.parametrize("status", OrderStatus.values)
@pytest.mark.parametrize("order_type", ["MINT", "REDEEM"])
def test_every_order_status_has_a_name_in_the_api(order_type, status):
    axes = states.api_axes(order_type=order_type, status=status)
    assert axes[0] in states.API_STATUSES
    assert (axes[0] != "pending") == (status in states.ORDER_FINAL)
    assert status in states.exact_statuses(axes[0])


@pytest.mark.parametrize(
    ("frozen", "table"),
    [
        (guards.ORDER_MOVES, states.ORDER_TRANSITIONS),
        (guards.TRANSACTION_MOVES, states.CHAIN_TRANSACTION_TRANSITIONS),
        (move_guards.MOVE_MOVES, states.MOVE_TRANSITIONS),
    ],
)
def test_the_triggers_know_the_same_moves_as_the_tables(frozen, table):
    in_database = {before: set(after.split()) for before, after in frozen.items()}
    assert in_database == {before: set(after) for before, after in table.items() if after}


@pytest.mark.django_db
def test_move_and_trigger_agree_on_every_pair_of_order_statuses():
    order = papers.build().order()
    for before, after in product(OrderStatus.values, repeat=2):
        if before == after:
            continue
        put(order, before)
        lawful = after in ORDER_TRANSITIONS[before]
        assert can_move(before, after, order) == lawful, f"{before} -> {after}"
        put(order, before)
        assert can_update(order, after) == lawful, f"{before} -> {after} in SQL"


def put(order, status):
    """Set a status past the trigger, as no code of ours can."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE issuance_order SET status = %s, completed_at = now(), tx_hash = '0x1'"
            " WHERE id = %s",
            [status, order.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def can_move(before, after, order):
    row = Order.objects.select_related("token").get(pk=order.pk)
    assert row.status == before
    try:
        with transaction.atomic(savepoint=True):
            move(row, to=after, table=ORDER_TRANSITIONS, actor=TEST, now=timezone.now())
    except StateConflict:
        return False
    return True


def can_update(order, after):
    try:
        with transaction.atomic(savepoint=True), connection.cursor() as cursor:
            cursor.execute("UPDATE issuance_order SET status = %s WHERE id = %s", [after, order.pk])
    except IntegrityError:
        return False
    return True


def make_transaction(token, nonce=0, **changes):
    now = timezone.now()
    signer = papers.issuing_signer(token)
    fields = {
        "created_at": now,
        "signer": signer,
        "token": token,
        "kind": "MINT",
        "nonce": nonce,
        "to_address": token.address,
        "calldata": b"\x01",
        "gas_limit": 21_000,
    }
    return ChainTransaction.objects.create(**fields | changes)


def make_attempt(row, **changes):
    fields = {
        "chain_transaction": row,
        "sequence": 1,
        "tx_hash": f"0x{uuid.uuid4().hex}",
        "raw": b"\x02",
        "max_fee_wei": 2,
        "tip_wei": 1,
        "created_at": timezone.now(),
    }
    return Attempt.objects.create(**fields | changes)


def refused(statement, values):
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(savepoint=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values)
    return True


@pytest.mark.django_db
def test_the_database_keeps_signed_bytes_terms_and_nonces():
    paper = papers.build()
    order, row = paper.order(), make_transaction(paper.token)
    attempt = make_attempt(row)
    assert refused("UPDATE issuance_attempt SET raw = 'x' WHERE id = %s", [attempt.pk])
    assert refused("DELETE FROM issuance_attempt WHERE id = %s", [attempt.pk])
    assert refused("UPDATE issuance_chaintransaction SET nonce = 9 WHERE id = %s", [row.pk])
    assert refused("UPDATE issuance_order SET quantity = 1 WHERE id = %s", [order.pk])
    assert refused("DELETE FROM issuance_order WHERE id = %s", [order.pk])
    assert refused("UPDATE issuance_order SET approved_by = created_by WHERE id = %s", [order.pk])
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        make_transaction(paper.token)  # the nonce is given out once
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        make_transaction(paper.token, nonce=1, status="INCLUDED")  # included without a block


OTHERWISE = {
    "bigint": "{0} + 1",
    "bytea": "{0} || '\\x00'::bytea",
    "character varying": "'Z' || substr({0}, 2)",
    "numeric": "{0} + 1",
    "uuid": "gen_random_uuid()",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("table", "column"),
    [("issuance_order", each) for each in guards_asked._ORDER_TERMS]
    + [("issuance_chaintransaction", each) for each in guards_asked._CALL],
)
def test_the_database_keeps_every_term_of_an_order_and_of_a_call(table, column):
    paper = papers.build()
    row = paper.order() if table == "issuance_order" else make_transaction(paper.token)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        other = OTHERWISE[cursor.fetchone()[0]].format(column)
    with (
        pytest.raises(IntegrityError, match="never change"),
        transaction.atomic(savepoint=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET {column} = {other} WHERE id = %s", [row.pk])


@pytest.mark.django_db
def test_an_order_has_one_live_binding():
    paper = papers.build()
    order = paper.order()
    first, second = (make_transaction(paper.token, nonce=n) for n in (0, 1))
    order.bindings.create(chain_transaction=first, index=0, live=False)
    order.bindings.create(chain_transaction=second, index=0)
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        order.bindings.create(chain_transaction=first, index=1)
