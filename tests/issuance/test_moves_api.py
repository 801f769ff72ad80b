"""POST /v1/moves: what is taken, what is refused with which code, and that a refusal changes nothing."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core import breakers
from core.models import Event
from custody import ledger
from custody import queries as custody_queries
from custody.models import Fund, LedgerTransfer
from custody.services import freeze_fund
from issuance import services
from issuance.models import Holder, Move, Order, Token
from issuance.states import OrderType
from kyc.models import Decision, Investor, Wallet
from tests.core.conftest import make_client
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import OPERATOR, TEST, approve, make_wallet

pytestmark = pytest.mark.django_db
URL = "/v1/moves"
FAR = "far"
ONE = 10**18


@dataclass
class Ground:
    """A paper stage with a second token on another network, and tokens minted on the first."""

    paper: papers.Paper
    far: Token
    far_wallet: Wallet

    def body(self, **changes):
        body = {
            "investor_id": self.paper.investor.public_id,
            "underlying_symbol": "IBIT",
            "from_network": "anvil",
            "to_network": FAR,
            "qty": "10",
            "from_wallet_address": self.paper.wallet.address,
            "to_wallet_address": self.far_wallet.address,
            "client_move_id": uuid.uuid4().hex,
        }
        return body | changes

    def take(self, **changes):
        answer = self.paper.api.post(URL, self.body(**changes))
        assert answer.status_code == 201, answer.content
        return answer.json()


def build(shares="1000", minted="100"):
    paper = papers.build(shares)
    far = papers.register(paper.fund, network=FAR, chain_id=777)
    far_wallet = make_wallet(paper.investor, papers.OTHER_ADDRESS, network=FAR)
    papers.make_holder(far, far_wallet)
    if minted:
        papers.mint(paper, minted)
    return Ground(paper, far, far_wallet)


@pytest.fixture
def ground():
    return build()


def stand():
    """What a refusal must leave as it was."""
    return (
        Move.objects.count(),
        Order.objects.count(),
        LedgerTransfer.objects.count(),
        Event.objects.exclude(type__startswith="breaker").count(),
    )


def refuse(ground, code, status=422, field="", **changes):
    before = stand()
    answer = ground.paper.api.post(URL, ground.body(**changes))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert [each["pointer"] for each in problem.get("errors", [])] == ([field] if field else [])
    assert stand() == before
    preview = ground.body(**changes)
    preview.pop("client_move_id")
    previewed = ground.paper.api.post(f"{URL}/preview", preview)
    if code != "client_move_id_used":
        assert (previewed.status_code, previewed.json()["code"]) == (status, code)
        assert "decision_id" not in previewed.json()
    assert stand() == before
    return problem


def test_a_move_is_taken_as_one_order_that_waits_for_the_holders_tokens(ground):
    move = ground.take(client_move_id="first")
    assert move["status"] == "pending"
    assert move["state"] == "burning"
    (leg,) = move["legs"]
    assert (leg["type"], leg["state"], leg["network"]) == ("redeem", "awaiting_tokens", "anvil")
    assert move["next_action"]["contract"] == ground.paper.token.address
    assert ground.paper.api.get(f"{URL}/{move['id']}").json() == move
    order = ground.paper.api.get(f"/v1/orders/{leg['order_id']}").json()
    assert order["move_id"] == move["id"]
    assert custody_queries.position(ground.paper.fund.pk).reserved == 0
    types = Event.objects.order_by("sequence").filter(institution=ground.paper.institution)
    assert list(types.values_list("type", flat=True))[-2:] == ["move.created", "order.created"]


def test_the_decisions_on_both_sides_are_kept(ground):
    move = ground.take()
    actions = {
        ground.paper.api.get(f"/v1/decisions/{decision}").json()["action"]
        for decision in (move["decision_id"], move["legs"][0]["decision_id"])
    }
    assert actions == {"mint", "redeem"}


def test_a_preview_says_what_would_be_and_writes_nothing(ground):
    before = stand()
    body = ground.body()
    body.pop("client_move_id")
    answer = ground.paper.api.post(f"{URL}/preview", body).json()
    assert answer["effects"] == {"redeem": "allow", "mint": "allow"}
    assert (answer["from_network"], answer["to_network"]) == ("anvil", FAR)
    assert not answer["needs_approval"]
    assert stand() == before


def test_a_repeated_request_gets_the_first_answer_and_moves_once(ground):
    body, key = ground.body(), {"Idempotency-Key": uuid.uuid4().hex}
    first = ground.paper.api.post(URL, body, **key)
    again = ground.paper.api.post(URL, body, **key)
    assert (first.content, Move.objects.count()) == (again.content, 1)
    refuse(ground, "client_move_id_used", 409, "/client_move_id", **body)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"to_network": "anvil"}, "same_network", "/to_network"),
        ({"to_network": "moon"}, "network_unknown", "/to_network"),
        ({"from_network": "moon"}, "network_unknown", "/from_network"),
        ({"underlying_symbol": "XXXX"}, "unknown_fund", "/underlying_symbol"),
        ({"qty": "100.000000000000000001"}, "insufficient_tokens", "/qty"),
        ({"qty": "79228162514.264337593543950336"}, "quantity_invalid", "/qty"),
        ({"to_wallet_address": papers.ISSUER}, "wallet_not_owned", "/to_wallet_address"),
        ({"from_wallet_address": papers.ISSUER}, "wallet_not_owned", "/from_wallet_address"),
    ],
    ids=[
        "the same network twice",
        "an unknown target",
        "an unknown source",
        "an unknown fund",
        "more than there is",
        "more than a contract holds",
        "a stranger's wallet on the target",
        "a stranger's wallet on the source",
    ],
)
def test_terms_that_cannot_be_are_refused_with_the_field_to_blame(ground, changes, code, field):
    refuse(ground, code, field=field, **changes)


def test_a_fund_without_a_token_on_the_target_is_refused(ground):
    fbtc = custody_rows.make_fund("FBTC", "US3159481098")
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fbtc, custody_account=ground.paper.account)
    papers.register(fbtc)
    refuse(ground, "wallet_not_registered", field="/from_wallet_address", underlying_symbol="FBTC")
    token = Token.objects.get(fund=fbtc)
    papers.make_holder(token, ground.paper.wallet)
    refuse(ground, "network_unknown", field="/to_network", underlying_symbol="FBTC")


@pytest.mark.parametrize(
    "changes",
    [{"registered_at": None, "status": "PENDING"}, {"permitted": False}],
    ids=["not registered yet", "without permission"],
)
def test_a_target_wallet_outside_the_register_is_refused(ground, changes):
    Holder.objects.filter(wallet=ground.far_wallet).update(**changes)
    refuse(ground, "wallet_not_registered", field="/to_wallet_address")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "CLAIMED", "proved_at": None, "usable_at": None}, "wallet_not_proved"),
        ({"usable_at": timezone.now() + timedelta(days=1)}, "wallet_cooling"),
    ],
    ids=["claimed only", "cooling off"],
)
def test_a_target_wallet_that_cannot_be_used_yet_is_refused(ground, changes, code):
    Wallet.objects.filter(pk=ground.far_wallet.pk).update(**changes)
    refuse(ground, code, field="/to_wallet_address")


def test_another_institutions_investor_does_not_exist(ground):
    stranger = custody_rows.make_investor(custody_rows.make_institution("Other"))
    refuse(ground, "not_found", 404, investor_id=stranger.public_id)


@pytest.mark.parametrize("status", ["FROZEN", "SUSPENDED", "EXIT_ONLY", "CLOSED"])
def test_an_investor_who_may_not_mint_moves_nothing(ground, status):
    Investor.objects.update(status=status)
    refuse(ground, "investor_not_approved", 422)


def test_an_expired_approval_refuses_a_move(ground):
    Investor.objects.update(kyc_expires_at=timezone.now() - timedelta(seconds=1))
    refuse(ground, "kyc_expired")


def test_a_closed_target_is_refused_and_a_closed_source_lets_its_holders_leave(ground):
    services.close_token(token_id=ground.far.pk, actor=OPERATOR, now=timezone.now())
    refuse(ground, "token_closed", field="/to_network")
    services.reopen_token(token_id=ground.far.pk, actor=OPERATOR, now=timezone.now())
    services.close_token(token_id=ground.paper.token.pk, actor=OPERATOR, now=timezone.now())
    ground.take()


@pytest.mark.parametrize(
    "name",
    ["issuance.anvil", "issuance.far", "issuance.anvil.sIBIT", "issuance.far.sIBIT"],
)
def test_a_halt_on_either_side_refuses_a_move(ground, name):
    with transaction.atomic(durable=True):
        breakers.open_breaker(name=name, reason="test", actor=TEST, now=timezone.now())
    refuse(ground, "halt_active", 503)


def test_a_frozen_fund_moves_nothing(ground):
    freeze_fund(fund_id=ground.paper.fund.pk, reason="count", actor=OPERATOR, now=timezone.now())
    refuse(ground, "fund_closed", field="/underlying_symbol")
    assert Fund.objects.get().status == "FROZEN"


def test_a_policy_refusal_names_the_decision_and_keeps_it(ground):
    approve(ground.paper.investor, residence="CN")
    kept = Decision.objects.count()
    answer = ground.paper.api.post(URL, ground.body())
    assert (answer.status_code, answer.json()["code"]) == (422, "not_eligible")
    assert answer.json()["decision_id"]
    assert (Move.objects.count(), Decision.objects.count()) == (0, kept + 1)


def test_a_move_can_be_called_off_until_its_tokens_are_in_escrow(ground):
    move = ground.take()
    path = f"{URL}/{move['id']}"
    ended = ground.paper.api.post(f"{path}/cancel").json()
    assert (ended["status"], ended["reason_code"]) == ("cancelled", "cancelled_by_institution")
    assert [leg["status"] for leg in ended["legs"]] == ["cancelled"]
    assert ended["next_action"] is None
    again = ground.paper.api.post(f"{path}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    burning = ground.take()
    papers.escrow(Order.objects.get(move__client_move_id=burning["client_move_id"]))
    late = ground.paper.api.post(f"{URL}/{burning['id']}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")


def test_a_leg_that_is_cancelled_as_an_order_ends_its_move(ground):
    move = ground.take()
    ground.paper.api.post(f"/v1/orders/{move['legs'][0]['order_id']}/cancel")
    row = Move.objects.get()
    assert services.conclude_move(move_id=row.pk, now=timezone.now())
    assert ground.paper.api.get(f"{URL}/{move['id']}").json()["status"] == "cancelled"


def test_institutions_see_their_own_moves_only(ground):
    move = ground.take()
    stranger = make_client(custody_rows.make_institution("Other"))
    assert stranger.get(f"{URL}/{move['id']}").status_code == 404
    assert stranger.post(f"{URL}/{move['id']}/cancel").status_code == 404
    assert stranger.get(URL).json()["data"] == []
    assert [row["id"] for row in ground.paper.api.get(URL).json()["data"]] == [move["id"]]


def test_the_list_filters_by_status_investor_and_client_id(ground):
    kept, ended = ground.take(), ground.take()
    ground.paper.api.post(f"{URL}/{ended['id']}/cancel")

    def listed(query):
        return [row["id"] for row in ground.paper.api.get(f"{URL}?{query}").json()["data"]]

    assert listed("status=pending") == [kept["id"]]
    assert listed("status=cancelled") == [ended["id"]]
    assert listed(f"client_move_id={kept['client_move_id']}") == [kept["id"]]
    assert len(listed(f"investor_id={ground.paper.investor.public_id}")) == 2


def test_a_key_without_the_scope_moves_nothing(ground):
    reader = make_client(ground.paper.institution, granted=frozenset({"orders:read"}))
    assert reader.post(URL, ground.body()).status_code == 403
    assert Move.objects.count() == 0


def test_a_large_move_needs_one_approval(ground, settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 5 * ONE
    body = ground.body()
    body.pop("client_move_id")
    assert ground.paper.api.post(f"{URL}/preview", body).json()["needs_approval"]
    ground.take()
    burn = Order.objects.get(type=OrderType.REDEEM, move__isnull=False)
    papers.escrow(burn)
    burn.refresh_from_db()
    assert burn.status == "AWAITING_APPROVAL"
