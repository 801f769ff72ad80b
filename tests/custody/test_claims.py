"""No share leaves that a token stands for: not while the books may not tell, not when they tell too little."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction

from core import history
from core.units import parse_quantity
from custody import ledger, services
from custody.models import Fund
from custody.models.funds import IN_DOUBT
from tests.custody.rows import NOW, TEST
from tests.custody.test_exchange import Custodian, exchange

DAY = timedelta(days=1)


@pytest.fixture
def custodian():
    return Custodian()


def vouch(stage):
    with transaction.atomic(durable=True):
        ledger.vouch_for_claims(fund_id=stage.fund.pk)


def supply(stage, shares, token_id):
    with transaction.atomic(durable=True):
        ledger.note_supply(token_id=token_id, fund_id=stage.fund.pk, units=parse_quantity(shares))


def stands(delivery):
    delivery.refresh_from_db()
    return delivery.status, delivery.reason_code


@pytest.mark.parametrize(
    "mark", [IN_DOUBT, "7000000000000000001/00000001"], ids=["doubted", "another-history"]
)
@pytest.mark.parametrize("is_frozen", [False, True], ids=["active", "frozen"])
def test_no_share_leaves_while_the_books_may_not_tell_every_token(
    stage, custodian, mark, is_frozen
):
    stage.settled_deposit("100")
    delivery = stage.request("10")
    if is_frozen:
        services.freeze_fund(fund_id=stage.fund.pk, reason="doubt", actor=TEST, now=NOW)
    Fund.objects.filter(pk=stage.fund.pk).update(history_mark=mark)
    exchange(stage, custodian)
    exchange(stage, custodian, now=NOW + DAY)
    assert (stands(delivery), custodian.told) == (("REQUESTED", "claims_unknown"), [])
    vouch(stage)
    exchange(stage, custodian, now=NOW + 2 * DAY)
    assert stands(delivery) == ("INSTRUCTED", "")


def test_a_delivery_that_waits_for_certainty_can_be_called_off(stage, custodian):
    stage.settled_deposit("100")
    delivery = stage.request("10")
    with transaction.atomic(durable=True):
        ledger.doubt_claims(fund_ids=[stage.fund.pk])
    exchange(stage, custodian)
    services.cancel_delivery(
        institution_id=delivery.institution_id,
        delivery_id=delivery.pk,
        reason="changed their mind",
        actor=TEST,
        now=NOW,
    )
    assert stage.held().free == parse_quantity("100")


def test_shares_that_the_chain_has_tokens_for_stay_however_long(stage, custodian):
    """The books know of no token: the order that minted them is lost."""
    stage.settled_deposit("100")
    token_id = uuid.uuid4()
    supply(stage, "95", token_id)
    delivery = stage.request("10")
    exchange(stage, custodian)
    exchange(stage, custodian, now=NOW + DAY)
    assert (stands(delivery), custodian.told) == (("REQUESTED", "shares_claimed"), [])
    supply(stage, "90", token_id)
    exchange(stage, custodian, now=NOW + 2 * DAY)
    assert stands(delivery) == ("INSTRUCTED", "")


def test_supplies_of_a_funds_tokens_add_up_and_another_funds_do_not_count(stage):
    other = Fund.objects.exclude(pk=stage.fund.pk)[0]
    for shares in ("40", "2"):
        supply(stage, shares, uuid.uuid4())
    with transaction.atomic(durable=True):
        ledger.note_supply(token_id=uuid.uuid4(), fund_id=other.pk, units=parse_quantity("7"))
    assert ledger.claimed(stage.fund.pk) == parse_quantity("42")
    assert ledger.claimed(other.pk) == parse_quantity("7")


def test_a_fund_without_a_token_needs_nobodys_word(stage):
    assert ledger.are_claims_known(fund_id=stage.fund.pk)
    vouch(stage)
    stage.fund.refresh_from_db()
    assert stage.fund.history_mark == history.mark()
    assert ledger.are_claims_known(fund_id=stage.fund.pk)
