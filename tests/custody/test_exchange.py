"""The talk with a custodian: told once, marked before it is sent, files in order, faults survived."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from core.units import parse_quantity
from core.work import claim_due
from custody import ledger, pipeline, services
from custody.models import Attestation, Break, Delivery, Message
from custody.providers.custodian import (
    CustodianFile,
    CustodianRefused,
    CustodianUnavailable,
    Instruction,
)
from kyc import services as kyc_services
from tests.custody.rows import NOW, TEST
from tests.custody.stage import IBIT, confirmation, line_about, statement


class Custodian:
    """A custodian in memory: it remembers what it was told and can be struck dumb."""

    def __init__(self):
        self.told: list[Instruction] = []
        self.out: list[bytes] = []
        self.silent: Exception | None = None

    def advise(self, deposit):
        self.hear(deposit)

    def instruct(self, delivery):
        self.hear(delivery)

    def hear(self, instruction):
        if self.silent:
            raise self.silent
        self.told.append(instruction)

    def files(self, *, after):
        if self.silent:
            raise self.silent
        return [
            CustodianFile(sequence=number, raw=raw)
            for number, raw in enumerate(self.out, start=1)
            if number > after
        ]

    def attest(self, request):
        raise CustodianUnavailable


@pytest.fixture
def custodian():
    return Custodian()


def exchange(stage, custodian, now=NOW):
    pipeline.exchange(custodian=stage.custodian, client=custodian, now=now)


def test_a_deposit_is_told_once_and_settled_by_the_custodians_file(stage, custodian):
    deposit = stage.advise("10")
    exchange(stage, custodian)
    exchange(stage, custodian)
    assert custodian.told == [
        Instruction(
            our_reference=deposit.public_id,
            account="SB-0001",
            isin=IBIT,
            quantity=parse_quantity("10"),
        )
    ]
    custodian.out.append(confirmation(line_about(deposit)))
    exchange(stage, custodian)
    deposit.refresh_from_db()
    assert (deposit.status, deposit.next_attempt_at) == ("SETTLED", None)
    assert stage.held().free == parse_quantity("10")


@pytest.mark.parametrize("obstacle", [CustodianUnavailable(), CustodianRefused()])
def test_what_could_not_be_told_is_told_later_in_the_same_words(stage, custodian, obstacle):
    deposit = stage.advise("10")
    custodian.silent = obstacle
    exchange(stage, custodian)
    deposit.refresh_from_db()
    assert deposit.sent_at == NOW
    assert deposit.next_attempt_at > NOW
    custodian.silent = None
    exchange(stage, custodian, now=NOW + timedelta(minutes=10))
    assert [each.our_reference for each in custodian.told] == [deposit.public_id]


def test_a_worker_that_died_while_telling_is_followed_by_another(stage, custodian):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    claim_due(Delivery.objects.all(), now=NOW, lease=pipeline.LEASE, limit=10)  # and dies
    exchange(stage, custodian)
    assert custodian.told == []
    exchange(stage, custodian, now=NOW + pipeline.LEASE)
    delivery.refresh_from_db()
    assert delivery.status == "INSTRUCTED"
    assert custodian.told[0].destination == "KELLER-01"


def test_a_delivery_is_marked_as_instructed_before_the_custodian_hears_of_it(stage, custodian):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    custodian.silent = CustodianUnavailable()
    exchange(stage, custodian)
    delivery.refresh_from_db()
    assert delivery.status == "INSTRUCTED"


def test_a_fund_without_an_isin_today_silences_no_other(stage, custodian):
    deposit = stage.advise("10")
    other = stage.advise("10", symbol="FBTC")
    stage.fund.identifiers.filter(scheme="ISIN").update(valid_until=NOW.date())
    exchange(stage, custodian)
    assert [each.our_reference for each in custodian.told] == [other.public_id]
    deposit.refresh_from_db()
    assert deposit.next_attempt_at > NOW


def test_what_was_called_off_is_never_told(stage, custodian):
    deposit = stage.advise("10")
    services.cancel_deposit(deposit_id=deposit.pk, reason="mistake", actor=TEST, now=NOW)
    exchange(stage, custodian)
    assert custodian.told == []


def test_a_bad_file_is_passed_over_with_a_break_and_the_next_one_counts(stage, custodian):
    deposit = stage.advise("10")
    custodian.out = [b"rubbish", confirmation(line_about(deposit)), statement((IBIT, "10"))]
    exchange(stage, custodian)
    exchange(stage, custodian)
    stage.custodian.refresh_from_db()
    assert stage.custodian.files_cursor == 3
    assert Break.objects.get().kind == "FILE_REFUSED"
    assert Message.objects.filter(status="IMPORTED").count() == 2
    assert stage.held().free == parse_quantity("10")


def test_files_given_out_again_change_nothing(stage, custodian):
    deposit = stage.advise("10")
    custodian.out = [confirmation(line_about(deposit))]
    exchange(stage, custodian)
    stage.custodian.files_cursor = 0
    stage.custodian.save()
    exchange(stage, custodian)
    assert stage.held().free == parse_quantity("10")
    assert Break.objects.count() == 0


def test_another_custodians_rows_are_not_told_to_this_one(stage, custodian):
    stage.advise("10")
    other = services.add_custodian(code="OTHER", name="Other", kind="BANK", actor=TEST, now=NOW)
    exchange(replace(stage, custodian=other), custodian)
    assert custodian.told == []


def cap(stage, shares, token_id, as_of=NOW):
    with transaction.atomic(durable=True):
        ledger.note_cap(
            token_id=token_id, fund_id=stage.fund.pk, units=parse_quantity(shares), as_of=as_of
        )


def test_shares_leave_after_the_caps_on_chain_have_fallen(stage, custodian):
    stage.settled_deposit("100")
    token_id = uuid.uuid4()
    cap(stage, "100", token_id)
    delivery = stage.request("10")
    exchange(stage, custodian)
    delivery.refresh_from_db()
    assert (delivery.status, custodian.told) == ("REQUESTED", [])
    cap(stage, "90", token_id, as_of=NOW + timedelta(seconds=1))
    exchange(stage, custodian, now=NOW + timedelta(seconds=2))
    delivery.refresh_from_db()
    assert delivery.status == "INSTRUCTED"


def test_an_attestation_on_its_way_to_the_contract_counts_as_its_cap(stage, custodian):
    stage.settled_deposit("100")
    token_id = uuid.uuid4()
    cap(stage, "90", token_id)
    Attestation.objects.create(
        token_id=token_id,
        fund=stage.fund,
        custodian=stage.custodian,
        shares=parse_quantity("100"),
        as_of=NOW + timedelta(seconds=1),
        created_at=NOW,
    )
    delivery = stage.request("10")
    exchange(stage, custodian)
    delivery.refresh_from_db()
    assert delivery.status == "REQUESTED"


def test_a_chain_that_is_down_holds_up_an_exit_for_minutes_only(stage, custodian):
    stage.settled_deposit("100")
    cap(stage, "100", uuid.uuid4())
    delivery = stage.request("10")
    exchange(stage, custodian)
    exchange(stage, custodian, now=NOW + timedelta(minutes=10))
    delivery.refresh_from_db()
    assert delivery.status == "INSTRUCTED"


def test_a_frozen_fund_mints_nothing_so_its_exits_need_not_wait(stage, custodian):
    stage.settled_deposit("100")
    cap(stage, "100", uuid.uuid4())
    services.freeze_fund(fund_id=stage.fund.pk, reason="doubt", actor=TEST, now=NOW)
    delivery = stage.request("10")
    exchange(stage, custodian)
    delivery.refresh_from_db()
    assert delivery.status == "INSTRUCTED"


@pytest.mark.parametrize(
    ("restrict", "reason_code"),
    [
        (kyc_services.freeze_investor, "investor_not_approved"),
        (kyc_services.suspend_investor, "not_eligible"),
    ],
)
def test_shares_of_an_investor_stopped_meanwhile_do_not_leave(
    stage, custodian, restrict, reason_code
):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    restrict(investor_id=stage.investor.pk, reason="tip", actor=TEST, now=NOW)
    exchange(stage, custodian)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.reason_code) == ("REQUESTED", reason_code)
    assert custodian.told == []
    services.cancel_delivery(delivery_id=delivery.pk, reason="frozen", actor=TEST, now=NOW)
    assert stage.held().free == parse_quantity("10")


def test_a_suspended_investor_leaves_once_a_person_limits_it_to_exit(stage, custodian):
    stage.settled_deposit("10")
    delivery = stage.request("10")
    kyc_services.suspend_investor(investor_id=stage.investor.pk, reason="tip", actor=TEST, now=NOW)
    exchange(stage, custodian)
    kyc_services.restrict_to_exit(investor_id=stage.investor.pk, reason="let", actor=TEST, now=NOW)
    exchange(stage, custodian, now=NOW + timedelta(minutes=10))
    delivery.refresh_from_db()
    assert (delivery.status, delivery.reason_code) == ("INSTRUCTED", "")
    assert delivery.decision.trigger == "instruction"
