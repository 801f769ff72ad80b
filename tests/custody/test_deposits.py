"""Deposits: announced by an institution, counted on the custodian's word alone."""

from datetime import timedelta

import pytest

from core.errors import NotFound, StateConflict
from core.models import Event
from core.units import Units, parse_quantity
from custody import queries, services
from custody.models import Break, Confirmation, Deposit, LedgerTransfer
from custody.providers.files import FileRefused
from custody.states import DEPOSIT_TRANSITIONS, DepositStatus
from kyc.models import Decision
from kyc.policy import InvestorNotApproved, KycExpired
from tests.custody.rows import NOW, TEST, Pot
from tests.custody.stage import FBTC, confirmation, line_about
from tests.kyc import rows as kyc_rows


def status_of(row):
    row.refresh_from_db()
    return row.status


def test_an_announced_deposit_counts_for_nothing(stage):
    deposit = stage.advise("1000")
    assert deposit.status == "ADVISED"
    assert stage.held().settled == 0
    assert deposit.decision is not None
    assert deposit.decision.action == "deposit"


def test_a_settled_confirmation_makes_the_shares_free(stage):
    deposit = stage.advise("1000.5")
    stage.confirm(deposit, "MATCHED")
    assert status_of(deposit) == "MATCHED"
    assert stage.held().settled == 0
    stage.confirm(deposit)
    assert status_of(deposit) == "SETTLED"
    assert deposit.settled_at == NOW
    held = stage.held()
    assert (held.settled, held.free) == (parse_quantity("1000.5"),) * 2
    types = list(Event.objects.filter(object_id=deposit.pk).values_list("type", flat=True))
    assert types == ["deposit.advised", "deposit.matched", "deposit.settled"]


def test_a_settlement_that_overtakes_its_match_counts_and_the_late_match_changes_nothing(stage):
    deposit = stage.advise("10")
    stage.confirm(deposit)
    late = stage.confirm(deposit, "MATCHED")
    assert late.breaks == []
    assert status_of(deposit) == "SETTLED"
    assert stage.held().free == parse_quantity("10")


def test_a_replayed_confirmation_changes_nothing(stage):
    deposit = stage.advise("10")
    line = line_about(deposit)
    stage.load(confirmation(line))
    again = stage.load(confirmation(line))
    assert (again.duplicate, again.breaks) == (False, [])
    assert LedgerTransfer.objects.filter(kind="SETTLE").count() == 1
    assert Confirmation.objects.count() == 1


def test_the_same_file_again_is_a_no_op(stage):
    deposit = stage.advise("10")
    raw = confirmation(line_about(deposit))
    first = stage.load(raw)
    again = stage.load(raw)
    assert again.duplicate
    assert again.message == first.message
    assert stage.held().free == parse_quantity("10")


def test_a_reference_that_says_something_else_is_refused_whole(stage):
    deposit, other = stage.advise("10"), stage.advise("20")
    stage.confirm(deposit)
    bent = line_about(deposit, shares="9", value_date=NOW.date())
    with pytest.raises(FileRefused) as refusal:
        stage.load(confirmation(line_about(other, line=2), bent))
    assert refusal.value.code == "statement_reference_reused"
    assert status_of(other) == "ADVISED"
    assert stage.held().free == parse_quantity("10")
    assert Break.objects.get().kind == "REFERENCE_REUSED"


def test_parts_settle_one_by_one_in_any_order(stage):
    deposit = stage.advise("10")
    stage.confirm(deposit, shares="3", custodian_reference="P2")
    assert status_of(deposit) == "PARTIALLY_SETTLED"
    assert deposit.settled_quantity == parse_quantity("3")
    stage.confirm(deposit, shares="7", custodian_reference="P1")
    assert status_of(deposit) == "SETTLED"
    assert stage.held().free == parse_quantity("10")


def test_more_than_was_announced_is_a_break_and_not_a_share(stage):
    deposit = stage.advise("10")
    found = stage.confirm(deposit, shares="11").breaks
    assert [each.kind for each in found] == ["CONFIRMATION_DIFFERS"]
    assert found[0].delta == parse_quantity("1")
    assert status_of(deposit) == "ADVISED"
    assert stage.held().settled == 0


def test_a_confirmation_of_another_fund_is_a_break(stage):
    deposit = stage.advise("10")
    found = stage.confirm(deposit, isin=FBTC).breaks
    assert [each.kind for each in found] == ["CONFIRMATION_DIFFERS"]
    assert stage.held().settled == 0


def test_shares_that_arrive_for_a_cancelled_deposit_are_a_break(stage):
    deposit = stage.advise("10")
    services.cancel_deposit(deposit_id=deposit.pk, reason="mistake", actor=TEST, now=NOW)
    found = stage.confirm(deposit).breaks
    assert [(each.kind, each.delta) for each in found] == [
        ("UNEXPECTED_MOVE", parse_quantity("10"))
    ]
    assert stage.held().settled == 0


def test_a_confirmation_nobody_asked_for_is_a_break_and_the_rest_of_the_file_counts(stage):
    deposit = stage.advise("10")
    stranger = line_about(deposit, our_reference="dep_00000000000000000000000001", line=2)
    known = line_about(deposit, line=3, custodian_reference="known")
    done = stage.load(confirmation(stranger, known))
    assert [each.kind for each in done.breaks] == ["UNKNOWN_REFERENCE"]
    assert status_of(deposit) == "SETTLED"


def test_a_failing_deposit_says_why_and_can_still_settle(stage):
    deposit = stage.advise("10")
    stage.confirm(deposit, "FAILING", reason="LACK")
    assert (status_of(deposit), deposit.reason_code) == ("FAILING", "LACK")
    stage.confirm(deposit)
    assert status_of(deposit) == "SETTLED"


def test_a_rejection_after_settlement_is_a_break(stage):
    deposit = stage.settled_deposit("10")
    found = stage.confirm(deposit, "REJECTED").breaks
    assert [each.kind for each in found] == ["UNEXPECTED_MOVE"]
    assert status_of(deposit) == "SETTLED"


def test_a_reversed_deposit_takes_its_free_shares_back(stage):
    deposit = stage.settled_deposit("10")
    stage.confirm(deposit, "REVERSED")
    assert status_of(deposit) == "REVERSED"
    assert stage.held().settled == 0


def test_a_reversal_of_shares_that_back_tokens_freezes_the_fund(stage):
    from django.db import transaction  # noqa: PLC0415 - only here

    from custody import ledger  # noqa: PLC0415 - only here

    deposit = stage.settled_deposit("10")
    pot = Pot(stage.fund, stage.account, stage.investor.pk, token_id=deposit.pk)
    with transaction.atomic(durable=True):
        ledger.reserve(**pot.order(1))
    found = stage.confirm(deposit, "REVERSED").breaks
    assert [(each.kind, each.severity) for each in found] == [("UNEXPECTED_MOVE", "S0")]
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"
    assert stage.held().settled == parse_quantity("10")


def test_a_part_that_is_taken_back_freezes_the_fund(stage):
    part = stage.advise("10")
    stage.confirm(part, shares="4", custodian_reference="P1")
    whole = stage.settled_deposit("10")
    for deposit in (part, whole):
        found = stage.confirm(
            deposit, "REVERSED", shares="4", custodian_reference=f"R-{deposit.pk}"
        ).breaks
        assert [(each.kind, each.severity) for each in found] == [("UNEXPECTED_MOVE", "S0")]
    stage.fund.refresh_from_db()
    assert stage.fund.status == "FROZEN"


def test_a_reversal_of_what_never_counted_freezes_nothing(stage):
    found = stage.confirm(stage.advise("10"), "REVERSED").breaks
    assert [(each.kind, each.severity) for each in found] == [("UNEXPECTED_MOVE", "S1")]
    stage.fund.refresh_from_db()
    assert stage.fund.status == "ACTIVE"


def test_what_settles_on_a_later_day_has_not_settled(stage):
    deposit = stage.advise("10")
    with pytest.raises(FileRefused) as refusal:
        stage.confirm(deposit, value_date=NOW.date() + timedelta(days=2))
    assert refusal.value.code == "statement_from_the_future"
    assert (status_of(deposit), stage.held().settled) == ("ADVISED", 0)
    stage.confirm(deposit, "MATCHED", value_date=NOW.date() + timedelta(days=2))
    assert status_of(deposit) == "MATCHED"


def test_a_deposit_can_be_called_off_until_the_custodian_is_told(stage):
    deposit = stage.advise("10")
    services.begin_deposit_advice(deposit=deposit, now=NOW)
    with pytest.raises(StateConflict):
        services.cancel_deposit(deposit_id=deposit.pk, reason="late", actor=TEST, now=NOW)
    assert status_of(deposit) == "ADVISED"


def test_a_reference_names_one_deposit(stage):
    stage.advise("10", reference="r1")
    with pytest.raises(services.ReferenceUsed) as refusal:
        stage.advise("10", reference="r1")
    assert refusal.value.code == "reference_used"
    assert Deposit.objects.count() == 1


def test_another_institutions_investor_does_not_exist(stage):
    stranger = kyc_rows.make_approved()
    with pytest.raises(NotFound):
        stage.advise("10", investor_id=stranger.pk)


def test_an_unknown_and_a_closed_fund_take_no_deposits(stage):
    with pytest.raises(queries.UnknownFund) as refusal:
        stage.advise("10", symbol="NOPE")
    assert refusal.value.code == "unknown_fund"
    services.close_fund(fund_id=stage.fund.pk, reason="liquidated", actor=TEST, now=NOW)
    with pytest.raises(queries.FundClosed) as closed:
        stage.advise("10")
    assert closed.value.code == "fund_closed"
    assert Deposit.objects.count() == 0


def test_a_quantity_finer_than_the_funds_step_is_refused(stage):
    with pytest.raises(services.QuantityStep) as refusal:
        stage.advise("10", quantity=Units(1))
    assert (refusal.value.code, refusal.value.field) == ("quantity_invalid", "/qty")


def test_expired_kyc_takes_no_deposits(stage):
    with pytest.raises(KycExpired):
        stage.advise("10", now=NOW + timedelta(days=4000))


def test_an_investor_still_in_review_takes_no_deposits(stage):
    stage.investor = kyc_rows.make_investor()
    with pytest.raises(InvestorNotApproved):
        stage.advise("10")
    assert Decision.objects.filter(action="deposit").count() == 0


@pytest.mark.parametrize("status", DepositStatus)
def test_every_status_has_its_row_in_the_table(status):
    assert DEPOSIT_TRANSITIONS[status] <= set(DepositStatus)
