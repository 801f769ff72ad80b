"""A file from the custodian meets people at work on the same fund: it judges what they leave behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from core.actors import Actor, ActorKind
from core.models import Breaker
from core.units import format_quantity
from custody import ledger, services
from custody.models import Break, Fund, LedgerAccount, StatementLine
from custody.services import breaks, freezing
from tests.custody.rows import NOW, Pot
from tests.custody.stage import IBIT, make_stage, statement
from tests.races.test_lock_order import PATIENCE_SECONDS, claim, meet

pytestmark = pytest.mark.django_db(transaction=True)
ANNA, BEN = Actor(ActorKind.OPERATOR, "anna"), Actor(ActorKind.OPERATOR, "ben")


@pytest.fixture
def stage():
    made = make_stage()
    made.settled_deposit("10")
    return made


def thaw(stage):
    """The second person lifts a freeze, in the transaction of whoever calls this."""
    freezing.thaw_fund.__wrapped__(fund_id=stage.fund.pk, actor=BEN, now=NOW)  # type: ignore[attr-defined]


def require_halted(stage):
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"
    assert not LedgerAccount.objects.filter(fund=stage.fund, halted=False).exists()
    assert Breaker.objects.get(name="fund:IBIT").status == "OPEN"


def test_a_statement_with_too_few_shares_freezes_a_fund_that_is_thawed_meanwhile(stage):
    claim(Pot(stage.fund, stage.account, stage.investor.pk, stage.fund.pk))
    stage.load(statement())
    require_halted(stage)
    services.propose_thaw(fund_id=stage.fund.pk, actor=ANNA, now=NOW)
    meet(
        lambda: stage.load(statement((IBIT, "0.5"))),
        first=lambda: thaw(stage),
        then=lambda: None,
    )
    assert Break.objects.get(status="OPEN").severity == "S0"
    require_halted(stage)


def test_a_confirmation_that_cannot_be_freezes_a_fund_that_is_thawed_meanwhile(stage):
    gone = stage.request("1")
    services.freeze_fund(fund_id=stage.fund.pk, reason="doubt", actor=ANNA, now=NOW)
    services.propose_thaw(fund_id=stage.fund.pk, actor=ANNA, now=NOW)
    held = Fund.objects.select_for_update(no_key=True).filter(pk=stage.fund.pk)
    meet(
        lambda: stage.confirm(gone),  # never instructed
        first=lambda: list(held),
        then=lambda: thaw(stage),
    )
    assert Break.objects.get(status="OPEN").severity == "S0"
    require_halted(stage)


def test_a_difference_that_is_adjusted_meanwhile_is_not_opened_again(stage):
    stage.load(statement((IBIT, "12")))
    known = Break.objects.get()
    breaks.propose_adjustment(
        break_id=known.pk, investor_id=stage.investor.pk, reason="bonus", actor=ANNA, now=NOW
    )
    approve = breaks.approve_adjustment.__wrapped__  # type: ignore[attr-defined]
    meet(
        lambda: stage.load(statement((IBIT, "12"))),
        first=lambda: approve(break_id=known.pk, actor=BEN, now=NOW),
        then=lambda: None,
    )
    assert [each.status for each in Break.objects.all()] == ["ADJUSTED"]
    newest = StatementLine.objects.latest("pk")
    assert format_quantity(newest.ledger_settled) == format_quantity(newest.settled) == "12"


def test_a_difference_that_freezes_nothing_waits_for_nobody_who_posts(stage):
    claim(Pot(stage.fund, stage.account, stage.investor.pk, stage.fund.pk))

    def load():
        try:
            stage.load(statement((IBIT, "9")))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic(durable=True):
        ledger.lock_funds(fund_ids=[stage.fund.pk])
        pool.submit(load).result(timeout=PATIENCE_SECONDS)
    assert Break.objects.get().severity == "S1"
