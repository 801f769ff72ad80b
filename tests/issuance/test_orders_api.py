"""POST /v1/orders: what is taken, what is refused with which code, and that a refusal changes nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import breakers
from core.models import Event
from custody import queries as custody_queries
from custody.models import Fund, LedgerTransfer
from issuance import queries, services
from issuance.models import Holder, Order
from kyc import services as kyc_services
from kyc.models import Decision, Investor, Wallet
from tests.core.conftest import make_client
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import TEST, make_wallet

pytestmark = pytest.mark.django_db
URL = "/v1/orders"


@pytest.fixture
def paper():
    return papers.build()


def stand():
    """What a refusal must leave as it was."""
    return (
        Order.objects.count(),
        LedgerTransfer.objects.count(),
        Event.objects.filter(type__startswith="order.").count(),
    )


def refuse(paper, code, status=422, **changes):
    before = stand()
    answer = paper.api.post(URL, paper.body(**changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stand() == before
    preview = paper.body(**changes)
    preview.pop("client_order_id")
    previewed = paper.api.post(f"{URL}/preview", preview)
    if code != "client_order_id_used":
        assert (previewed.status_code, previewed.json()["code"]) == (status, code)
        assert "decision_id" not in previewed.json()
    assert stand() == before
    return answer.json()


def test_a_mint_is_taken_and_its_shares_are_reserved_at_once(paper):
    answer = paper.api.post(URL, paper.body(qty="600.25", client_order_id="first"))
    assert answer.status_code == 201
    order = answer.json()
    assert order | {"id": "", "decision_id": "", "created_at": ""} == {
        "object": "order",
        "id": "",
        "type": "mint",
        "status": "pending",
        "state": "queued",
        "compliance_status": "allowed",
        "transfer_status": "reserved",
        "chain_status": "none",
        "reason_code": None,
        "investor_id": paper.investor.public_id,
        "underlying_symbol": "IBIT",
        "network": "anvil",
        "qty": "600.25",
        "wallet_address": paper.wallet.address,
        "client_order_id": "first",
        "tx_hash": None,
        "onchain_order_id": "1",
        "decision_id": "",
        "move_id": None,
        "next_action": None,
        "completed_at": None,
        "created_at": "",
        "version": 1,
    }
    held = custody_queries.position(paper.fund.pk)
    assert (held.free, held.reserved) == (399_750_000_000_000_000_000, 600_250_000_000_000_000_000)
    assert Event.objects.filter(type="order.created").count() == 1
    assert paper.api.get(f"{URL}/{order['id']}").json() == order
    assert paper.api.get(URL, {"status": "pending"}).json()["data"] == [order]


def test_a_redemption_tells_the_holder_what_to_send(paper):
    answer = paper.api.post(URL, paper.body(type="redeem"))
    assert answer.status_code == 201
    order = answer.json()
    assert order["state"] == "awaiting_tokens"
    assert order["next_action"]["contract"] == paper.token.address
    assert order["next_action"]["calldata"].startswith("0x")
    assert custody_queries.position(paper.fund.pk).reserved == 0


def test_the_same_key_gives_the_same_order_and_reserves_once(paper):
    body = paper.body(qty="600")
    first = paper.api.post(URL, body, **{"Idempotency-Key": "one"})
    again = paper.api.post(URL, body, **{"Idempotency-Key": "one"})
    assert first.content == again.content
    assert Order.objects.count() == 1


def test_a_preview_has_no_side_effects(paper):
    before = stand(), Decision.objects.count()
    body = paper.body()
    body.pop("client_order_id")
    answer = paper.api.post(f"{URL}/preview", body, **{"Idempotency-Key": None})
    assert answer.status_code == 200
    assert answer.json()["state"] == "queued"
    assert (stand(), Decision.objects.count()) == before


@pytest.mark.parametrize("qty", ["-1", "0", "1.0000000000000000001", "1e3", "", "1,5", 10, 1.5])
def test_a_quantity_that_is_no_positive_decimal_string_is_refused(paper, qty):
    answer = paper.api.post(URL, paper.body(qty=qty))
    assert answer.status_code in {400, 422}
    assert "quantity_invalid" in answer.content.decode()
    assert Order.objects.count() == 0


def test_a_quantity_beyond_the_contract_is_refused(paper):
    refuse(paper, "quantity_invalid", qty="79228162515")


def test_an_unknown_field_is_refused(paper):
    answer = paper.api.post(URL, paper.body(memo="hello"))
    assert "unknown_field" in answer.content.decode()
    assert Order.objects.count() == 0


def test_a_closed_token_takes_no_mint_and_keeps_nobody_from_leaving(paper):
    services.close_token(token_id=paper.token.pk, actor=TEST, now=timezone.now())
    refuse(paper, "token_closed")
    assert paper.api.post(URL, paper.body(type="redeem")).status_code == 201


def test_an_unknown_fund_is_refused(paper):
    problem = refuse(paper, "unknown_fund", underlying_symbol="DOGE")
    assert problem["errors"][0]["pointer"] == "/underlying_symbol"


@pytest.mark.parametrize("status", ["FROZEN", "CLOSED"])
def test_a_closed_or_frozen_fund_refuses_a_mint_and_lets_holders_leave(paper, status):
    Fund.objects.filter(pk=paper.fund.pk).update(status=status)
    refuse(paper, "fund_closed")
    assert paper.api.post(URL, paper.body(type="redeem")).status_code == 201


def test_a_network_without_the_token_is_refused(paper):
    refuse(paper, "network_unknown", network="base")


def test_a_closed_token_is_refused(paper):
    paper.token.__class__.objects.filter(pk=paper.token.pk).update(status="CLOSED")
    refuse(paper, "token_closed")


def test_a_wallet_of_another_investor_is_refused(paper):
    other = custody_rows.make_investor(paper.institution)
    wallet = make_wallet(other, papers.OTHER_ADDRESS)
    refuse(paper, "wallet_not_owned", wallet_address=wallet.address)


def test_an_address_nobody_claimed_is_refused(paper):
    refuse(paper, "wallet_not_owned", wallet_address=papers.OTHER_ADDRESS)


def test_a_claimed_wallet_is_not_a_proved_one(paper):
    make_wallet(
        paper.investor, papers.OTHER_ADDRESS, status="CLAIMED", proved_at=None, usable_at=None
    )
    refuse(paper, "wallet_not_proved", wallet_address=papers.OTHER_ADDRESS)


def test_a_wallet_in_its_cooling_off_period_is_refused(paper):
    later = timezone.now() + timedelta(hours=1)
    make_wallet(paper.investor, papers.OTHER_ADDRESS, usable_at=later)
    refuse(paper, "wallet_cooling", wallet_address=papers.OTHER_ADDRESS)


def test_a_wallet_not_registered_on_chain_is_refused(paper):
    make_wallet(paper.investor, papers.OTHER_ADDRESS)
    refuse(paper, "wallet_not_registered", wallet_address=papers.OTHER_ADDRESS)
    Holder.objects.update(permitted=False)
    refuse(paper, "wallet_not_registered")


def test_expired_kyc_refuses_a_mint_and_lets_holders_leave(paper):
    past = timezone.now() - timedelta(seconds=1)
    Investor.objects.filter(pk=paper.investor.pk).update(kyc_expires_at=past)
    refuse(paper, "kyc_expired")
    assert paper.api.post(URL, paper.body(type="redeem")).status_code == 201


def test_a_holder_suspended_for_expired_kyc_can_still_ask_to_leave(paper):
    kyc_services.suspend_investor(
        investor_id=paper.investor.pk, reason="KYC has expired.", actor=TEST, now=timezone.now()
    )
    Holder.objects.update(permitted=False)
    refuse(paper, "investor_not_approved")
    answer = paper.api.post(URL, paper.body(type="redeem"))
    assert (answer.status_code, answer.json()["state"]) == (201, "awaiting_tokens")
    assert Order.objects.get().decision.effect == "REVIEW"


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "IN_REVIEW", "REJECTED", "FROZEN"])
def test_an_investor_who_is_not_approved_is_refused(paper, status):
    Investor.objects.filter(pk=paper.investor.pk).update(status=status)
    refuse(paper, "investor_not_approved")


def test_an_investor_whom_policy_forbids_is_refused_with_the_clause_and_the_decision_is_kept():
    paper = papers.build(residence="CN")
    before = Decision.objects.count()
    problem = refuse(paper, "not_eligible")
    assert problem["rules"][0]["clause"]
    assert Decision.objects.count() == before + 1


def test_more_than_the_free_shares_is_refused(paper):
    refuse(paper, "insufficient_shares", qty="1000.000000000000000001")


def test_a_client_order_id_can_be_used_once(paper):
    paper.api.post(URL, paper.body(client_order_id="mine"))
    before = stand()
    answer = paper.api.post(URL, paper.body(client_order_id="mine"))
    assert (answer.status_code, answer.json()["code"]) == (409, "client_order_id_used")
    assert stand() == before


def test_a_halted_token_takes_no_order(paper):
    breakers.open_breaker(
        name=queries.token_breaker(paper.token), reason="test", actor=TEST, now=timezone.now()
    )
    refuse(paper, "halt_active", status=503)


def test_another_institution_sees_nothing(paper):
    order = paper.api.post(URL, paper.body()).json()
    stranger = make_client(custody_rows.make_institution("Beta Bank"))
    assert stranger.get(f"{URL}/{order['id']}").status_code == 404
    assert stranger.post(f"{URL}/{order['id']}/cancel").status_code == 404
    assert stranger.get(URL).json()["data"] == []
    assert stranger.get("/v1/holders").json()["data"] == []
    answer = stranger.post(URL, paper.body())
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_cancelled_mint_frees_its_shares(paper):
    order = paper.api.post(URL, paper.body(qty="600")).json()
    answer = paper.api.post(f"{URL}/{order['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert custody_queries.position(paper.fund.pk).reserved == 0
    again = paper.api.post(f"{URL}/{order['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")


def test_an_order_above_the_limit_waits_for_a_second_person(paper, settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 10**18
    order = paper.api.post(URL, paper.body(qty="1.5")).json()
    assert order["state"] == "awaiting_approval"
    assert order["compliance_status"] == "review"


def test_a_revoked_wallet_is_no_longer_ours(paper):
    Wallet.objects.filter(pk=paper.wallet.pk).update(status="REVOKED")
    refuse(paper, "wallet_not_owned")


def test_tokens_and_holders_are_listed_and_reserves_are_public(paper, client):
    token = paper.api.get("/v1/tokens").json()["data"][0]
    assert (token["underlying_symbol"], token["contract"]) == ("IBIT", paper.token.address)
    assert paper.api.get(f"/v1/tokens/{token['id']}").json() == token
    assert (token["standard"], token["exactly_once_on_chain"]) == ("sharemint", True)
    holder = paper.api.get("/v1/holders", {"wallet_id": paper.wallet.public_id}).json()["data"][0]
    assert (holder["status"], holder["permitted"]) == ("registered", True)
    reserve = client.get("/v1/reserves").json()["data"][0]
    assert (reserve["underlying_symbol"], reserve["settled"]) == ("IBIT", "1000")
    assert reserve["tokens"][0]["contract"] == paper.token.address
