"""The replay audit: a sound ledger passes it, whatever was posted; any damage behind its back shows."""

import uuid

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.units import Units
from custody import ledger, queries
from custody.ledger import audit
from tests.custody.rows import NOW, TEST, make_pot
from tests.custody.test_ledger import mint

pytestmark = pytest.mark.django_db
STEPS = ["reserve", "unreserve", "back", "fail_mint", "release_burn", "restrict", "unrestrict"]


def test_the_audit_replays_a_sound_ledger(capsys):
    pot = make_pot("10")
    mint(pot, "3")
    call_command("audit_ledger")
    assert "ledger ok: 3 transfers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE custody_ledgeraccount SET balance = balance + 1 WHERE bucket = 'FREE'", "balance"),
        ("UPDATE custody_ledgertransfer SET source_after = source_after - 1", "running balance"),
        ("DELETE FROM custody_ledgertransfer WHERE kind = 'RESERVE'", "gap"),
    ],
)
def test_the_audit_sees_what_was_changed_behind_its_back(damage, fault, capsys):
    mint(make_pot("10"), "3")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE custody_ledgertransfer DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE custody_ledgeraccount DISABLE TRIGGER USER")
        cursor.execute(damage)
    with pytest.raises(CommandError):
        call_command("audit_ledger")
    assert fault in capsys.readouterr().err


@pytest.fixture
def pot():
    return make_pot("100")


def take(pot, step, quantity, order_id):
    """One posting of a random walk; True when the ledger took it."""
    order = pot.order(quantity, order_id)
    block = {
        "key": str(uuid.uuid4()),
        "fund_id": pot.fund.pk,
        "custody_account_id": pot.account.pk,
        "investor_id": pot.investor_id,
        "quantity": Units(quantity),
        "cause": "test",
        "actor": TEST,
        "now": NOW,
    }
    acts = {
        "reserve": lambda: ledger.reserve(**order),
        "unreserve": lambda: ledger.unreserve(**order),
        "back": lambda: ledger.back(**order),
        "fail_mint": lambda: ledger.fail_mint(**order),
        "release_burn": lambda: ledger.release_burn(**order),
        "restrict": lambda: ledger.restrict(**block),
        "unrestrict": lambda: ledger.unrestrict(**block),
    }
    try:
        with transaction.atomic(savepoint=True):
            acts[step]()
    except ledger.InsufficientShares:
        return False
    return True


# The walks of one run go on from where the last one ended: the laws hold all the same.
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 60 * 10**18)), max_size=25),
)
def test_no_walk_through_the_ledger_makes_or_loses_a_unit(pot, walk):
    before = queries.position(pot.fund.pk)
    for step, quantity in walk:
        take(pot, step, quantity, uuid.uuid4())
        held = queries.position(pot.fund.pk)
        assert held.settled == before.settled
        assert min(held.free, held.reserved, held.backing, held.releasing, held.restricted) >= 0
    assert audit.audit() == []
