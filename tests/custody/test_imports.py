"""Statements: taken in whole or not at all, and compared with the ledger without tolerance."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from core.errors import NotFound, SameActor, StateConflict
from core.models import Breaker, Event
from core.units import parse_quantity
from custody import ledger, services
from custody.models import Break, FundIdentifier, Message, Statement, StatementLine
from custody.providers.files import Basis, FileRefused
from tests.custody.rows import ALICE, BOB, NOW, TEST, Pot
from tests.custody.stage import FBTC, IBIT, confirmation, day, line_about, statement

APPLE = "US0378331005"
OLD_BTC = "US3899301085"
NEW_BTC = "US3899302075"


def refused(stage, raw) -> str:
    with pytest.raises(FileRefused) as refusal:
        stage.load(raw)
    return refusal.value.code


def test_a_statement_that_agrees_opens_no_break(stage):
    stage.settled_deposit("1000")
    done = stage.load(statement((IBIT, "1000")))
    assert done.breaks == []
    line = StatementLine.objects.get()
    assert (line.settled, line.ledger_settled) == (parse_quantity("1000"),) * 2


def test_one_unit_of_difference_is_a_break(stage):
    stage.settled_deposit("1000")
    (found,) = stage.load(statement((IBIT, "999.999999999999999999"))).breaks
    assert (found.kind, found.severity, found.delta) == ("POSITION_DIFFERS", "S1", -1)
    assert Event.objects.filter(type="break.opened", object_id=found.pk).exists()


def test_a_fund_the_statement_leaves_out_is_held_to_be_nought(stage):
    stage.settled_deposit("1000")
    (found,) = stage.load(statement()).breaks
    assert found.delta == -parse_quantity("1000")


def test_fewer_shares_than_back_tokens_freeze_the_fund_by_themselves(stage):
    deposit = stage.settled_deposit("1000")
    token_id = deposit.pk
    pot = Pot(stage.fund, stage.account, stage.investor.pk, token_id)
    order = pot.order(parse_quantity("600"))
    with transaction.atomic(durable=True):
        ledger.open_token(fund=stage.fund, custody_account=stage.account, token_id=token_id)
        ledger.reserve(**order)
        ledger.back(**order)
    (found,) = stage.load(statement((IBIT, "599"))).breaks
    assert found.severity == "S0"
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"
    assert Breaker.objects.get(name="fund:IBIT").status == "OPEN"
    with pytest.raises(ledger.LedgerHalted), transaction.atomic(savepoint=True):
        ledger.reserve(**pot.order(1))


def test_fewer_shares_than_accepted_orders_hold_freeze_the_fund_too(stage):
    deposit = stage.settled_deposit("1000")
    pot = Pot(stage.fund, stage.account, stage.investor.pk, token_id=deposit.pk)
    with transaction.atomic(durable=True):
        ledger.reserve(**pot.order(parse_quantity("600")))
    (found,) = stage.load(statement((IBIT, "599"))).breaks
    assert found.severity == "S0"
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"


def test_the_same_difference_is_one_break_and_goes_when_it_goes(stage):
    stage.settled_deposit("1000")
    first = stage.load(statement((IBIT, "990"))).breaks
    assert stage.load(statement((IBIT, "990"), as_of=NOW + timedelta(seconds=1))).breaks == []
    stage.load(statement((IBIT, "1000"), as_of=NOW + timedelta(seconds=2)))
    found = Break.objects.get()
    assert found == first[0]
    assert found.status == "EXPLAINED"


def test_the_same_difference_freezes_the_fund_once_more_is_promised_than_is_held(stage):
    deposit = stage.settled_deposit("1000")
    (mild,) = stage.load(statement((IBIT, "990"))).breaks
    assert mild.severity == "S1"
    pot = Pot(stage.fund, stage.account, stage.investor.pk, token_id=deposit.pk)
    with transaction.atomic(durable=True):
        ledger.reserve(**pot.order(parse_quantity("995")))
    (grave,) = stage.load(statement((IBIT, "990"), as_of=NOW + timedelta(seconds=1))).breaks
    assert (grave.severity, grave.delta) == ("S0", mild.delta)
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"
    again = stage.load(statement((IBIT, "990"), as_of=NOW + timedelta(seconds=2)))
    assert again.breaks == []
    mild.refresh_from_db()
    assert mild.status == "EXPLAINED"


def test_an_older_statement_is_kept_and_does_not_judge(stage):
    stage.settled_deposit("1000")
    stage.load(statement((IBIT, "1000")))
    late = stage.load(statement((IBIT, "7"), as_of=NOW - timedelta(hours=1)))
    assert late.breaks == []
    assert Statement.objects.count() == 2


def test_a_statement_of_yesterday_is_compared_with_yesterday(stage):
    stage.settled_deposit("1000")
    done = stage.load(statement(as_of=NOW - timedelta(days=1)))
    assert done.breaks == []


@pytest.mark.parametrize(
    ("make", "code", "kind"),
    [
        (lambda: statement((APPLE, "5")), "statement_unknown_isin", "UNKNOWN_INSTRUMENT"),
        (lambda: statement(account="SB-9"), "statement_unknown_account", "UNKNOWN_ACCOUNT"),
        (lambda: statement(basis=Basis.TRAD), "statement_basis_unusable", "FILE_REFUSED"),
        (lambda: statement(basis=Basis.CONT), "statement_basis_unusable", "FILE_REFUSED"),
        (
            lambda: statement(as_of=NOW + timedelta(days=1)),
            "statement_from_the_future",
            "FILE_REFUSED",
        ),
        (
            lambda: statement((IBIT, "1"), (IBIT, "2")),
            "statement_line_doubled",
            "FILE_REFUSED",
        ),
        (
            lambda: statement().replace(b"SANDBOX", b"OTHERS"),
            "statement_sender_unknown",
            "FILE_REFUSED",
        ),
        (lambda: b"what is this", "statement_format_unknown", "FILE_REFUSED"),
        (lambda: b"", "statement_format_unknown", "FILE_REFUSED"),
    ],
)
def test_a_bad_statement_changes_nothing_and_leaves_evidence(stage, make, code, kind):
    stage.settled_deposit("1000")
    raw = make()
    events = Event.objects.count()
    assert refused(stage, raw) == code
    assert Statement.objects.count() == 0
    assert Event.objects.count() == events
    evidence = Break.objects.get()
    assert evidence.kind == kind
    assert evidence.message is not None
    assert evidence.message.status == "REFUSED"
    assert evidence.message.error_code == code
    assert bytes(evidence.message.raw) == raw
    assert refused(stage, raw) == code
    assert Break.objects.count() == 1


def test_a_confirmation_with_an_unknown_isin_is_refused_whole(stage):
    first, second = stage.advise("10"), stage.advise("20")
    raw = confirmation(line_about(first), line_about(second, line=3, isin=APPLE))
    assert refused(stage, raw) == "statement_unknown_isin"
    first.refresh_from_db()
    assert (first.status, stage.held().settled) == ("ADVISED", 0)


def test_a_reference_bears_one_file(stage):
    stage.load(statement(reference="ST-1"))
    assert refused(stage, statement((IBIT, "5"), reference="ST-1")) == "statement_reference_reused"


def test_a_refused_file_can_come_in_once_its_cause_is_gone(stage):
    raw = statement((APPLE, "0"))
    assert refused(stage, raw) == "statement_unknown_isin"
    FundIdentifier.objects.filter(fund=stage.fund, scheme="ISIN").update(
        valid_until=day("2025-01-01")
    )
    FundIdentifier.objects.create(
        fund=stage.fund, scheme="ISIN", value=APPLE, valid_from=day("2025-01-01")
    )
    assert not stage.load(raw).duplicate


def test_an_isin_counts_on_the_days_it_was_valid(stage):
    stage.load(statement((OLD_BTC, "0"), as_of=NOW.replace(year=2024, month=11, day=19)))
    stage.load(statement((NEW_BTC, "0")))
    stale = statement((OLD_BTC, "0"), as_of=NOW.replace(year=2024, month=11, day=20))
    assert refused(stage, stale) == "statement_unknown_isin"


def test_the_kept_file_is_ciphertext_in_the_database(stage):
    raw = statement((FBTC, "0"))
    done = stage.load(raw)
    with connection.cursor() as cursor:
        cursor.execute("SELECT raw FROM custody_message")
        stored = bytes(cursor.fetchone()[0])
    assert b"SB-0001" not in stored
    assert bytes(Message.objects.get(pk=done.message.pk).raw) == raw


@pytest.mark.parametrize("table", ["message", "statement", "statementline", "confirmation"])
def test_what_a_custodian_sent_cannot_be_rewritten(stage, table):
    stage.settled_deposit("10")
    stage.load(statement((IBIT, "10")))
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(savepoint=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM custody_{table}")


@pytest.mark.usefixtures("stage")
def test_the_command_imports_a_file(tmp_path, capsys):
    path = tmp_path / "statement.csv"
    past = NOW - timedelta(days=30)  # the command reads the real clock
    path.write_bytes(statement(as_of=past))
    call_command("import_statement", path, custodian="SANDBOX")
    assert "statement imported, 0 breaks" in capsys.readouterr().out
    call_command("import_statement", path, custodian="SANDBOX")
    assert "was imported before" in capsys.readouterr().out
    path.write_bytes(statement((APPLE, "1"), as_of=past))
    with pytest.raises(CommandError, match="statement_unknown_isin"):
        call_command("import_statement", path, custodian="SANDBOX")
    with pytest.raises(CommandError, match="no custodian"):
        call_command("import_statement", path, custodian="NOBODY")


def open_break(stage, shares="990"):
    stage.settled_deposit("1000")
    return stage.load(statement((IBIT, shares))).breaks[0]


def test_a_difference_is_adjusted_by_two_people(stage):
    found = open_break(stage)
    services.propose_adjustment(
        break_id=found.pk, investor_id=stage.investor.pk, reason="lost", actor=ALICE, now=NOW
    )
    with pytest.raises(SameActor):
        services.approve_adjustment(break_id=found.pk, actor=ALICE, now=NOW)
    done = services.approve_adjustment(break_id=found.pk, actor=BOB, now=NOW)
    assert done.status == "ADJUSTED"
    assert done.transfer is not None
    assert (done.transfer.made_by, done.transfer.approved_by) == (str(ALICE), str(BOB))
    held = stage.held()
    assert (held.free, held.suspense) == (parse_quantity("990"), parse_quantity("10"))
    assert stage.load(statement((IBIT, "990"), as_of=NOW + timedelta(seconds=1))).breaks == []


def test_an_adjustment_for_nobody_is_refused(stage):
    stage.settled_deposit("10")
    (found,) = stage.load(statement((IBIT, "11"))).breaks
    with pytest.raises(NotFound):
        services.propose_adjustment(
            break_id=found.pk, investor_id=found.pk, reason="typo", actor=ALICE, now=NOW
        )
    found.refresh_from_db()
    assert found.status == "OPEN"


def test_an_adjustment_nobody_proposed_cannot_be_approved(stage):
    found = open_break(stage)
    with pytest.raises(StateConflict):
        services.approve_adjustment(break_id=found.pk, actor=BOB, now=NOW)
    services.propose_adjustment(
        break_id=found.pk, investor_id=stage.investor.pk, reason="lost", actor=ALICE, now=NOW
    )
    services.withdraw_proposal(break_id=found.pk, actor=ALICE, now=NOW)
    with pytest.raises(StateConflict):
        services.approve_adjustment(break_id=found.pk, actor=BOB, now=NOW)
    assert stage.held().suspense == 0


def test_a_break_is_explained_once(stage):
    found = open_break(stage)
    services.explain_break(break_id=found.pk, resolution="their error", actor=ALICE, now=NOW)
    with pytest.raises(StateConflict):
        services.explain_break(break_id=found.pk, resolution="again", actor=BOB, now=NOW)


def test_a_new_cause_drops_the_proposal_to_lift_a_freeze(stage):
    services.freeze_fund(fund_id=stage.fund.pk, reason="doubt", actor=ALICE, now=NOW)
    services.propose_thaw(fund_id=stage.fund.pk, actor=ALICE, now=NOW)
    stage.settled_deposit("10")
    gone = stage.confirm(stage.request("10")).breaks  # never instructed
    assert [each.severity for each in gone] == ["S0"]
    with pytest.raises(StateConflict):
        services.thaw_fund(fund_id=stage.fund.pk, actor=BOB, now=NOW)
    assert Event.objects.filter(type="fund.thaw_dropped").count() == 1


def test_a_freeze_takes_one_person_and_its_end_two(stage):
    services.freeze_fund(fund_id=stage.fund.pk, reason="doubt", actor=ALICE, now=NOW)
    with pytest.raises(StateConflict):
        services.thaw_fund(fund_id=stage.fund.pk, actor=BOB, now=NOW)
    services.propose_thaw(fund_id=stage.fund.pk, actor=ALICE, now=NOW)
    with pytest.raises(SameActor):
        services.thaw_fund(fund_id=stage.fund.pk, actor=ALICE, now=NOW)
    thawed = services.thaw_fund(fund_id=stage.fund.pk, actor=BOB, now=NOW)
    assert (thawed.status, thawed.thaw_proposed_by) == ("ACTIVE", "")
    assert Breaker.objects.get(name="fund:IBIT").status == "CLOSED"
    types = Event.objects.filter(object_id=stage.fund.pk).values_list("type", flat=True)
    assert list(types) == ["fund.added", "fund.frozen", "fund.thaw_proposed", "fund.thawed"]


@pytest.mark.usefixtures("stage")
def test_seeding_again_changes_nothing():
    before = FundIdentifier.objects.count()
    services.seed_funds(actor=TEST, now=NOW)
    assert FundIdentifier.objects.count() == before
    isins = FundIdentifier.objects.filter(scheme="ISIN").values_list("value", flat=True)
    assert set(isins) == {
        "US46438F1012",
        "US3159481098",
        "US3896371099",
        "US3899301085",
        "US3899302075",
        "US0409191022",
    }
