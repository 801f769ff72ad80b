"""Custody over HTTP: a tenant's own rows only, strict input, stable codes, nothing changed by refusals."""

import pytest
from django.utils import timezone

from core.models import Institution
from core.units import parse_quantity
from custody import services
from custody.models import Delivery, Deposit
from tests.core.conftest import make_client
from tests.custody.rows import TEST as ACTOR
from tests.custody.stage import confirmation, line_about

DEPOSITS = "/v1/custody/deposits"
DELIVERIES = "/v1/custody/deliveries"


@pytest.fixture
def api(stage):
    return make_client(stage.investor.institution)


@pytest.fixture
def stranger(stage):  # noqa: ARG001 - the funds stand
    other = Institution.objects.create(name="Stranger", country="SG", created_at=timezone.now())
    return make_client(other)


def deposit_body(stage, **changes):
    return {
        "investor_id": stage.investor.public_id,
        "underlying_symbol": "IBIT",
        "qty": "1000.25",
        "reference": "r-1",
    } | changes


def delivery_body(stage, **changes):
    return {
        "investor_id": stage.investor.public_id,
        "underlying_symbol": "IBIT",
        "qty": "100",
        "destination": {"participant": "0123", "account": "KELLER-01"},
    } | changes


def test_funds_show_their_identifiers_and_status(api):
    funds = api.get("/v1/funds").json()["data"]
    assert {each["symbol"] for each in funds} == {"IBIT", "FBTC", "GBTC", "BTC", "ARKB"}
    (btc,) = [each for each in funds if each["symbol"] == "BTC"]
    assert {"scheme": "ISIN", "value": "US3899301085"}.items() <= btc["identifiers"][1].items()
    assert btc["identifiers"][1]["valid_until"] == "2024-11-20"
    one = api.get(f"/v1/funds/{btc['id']}")
    assert one.json() == btc
    assert btc["status"] == "active"


def test_a_deposit_is_advised_read_and_listed(stage, api):
    answer = api.post(DEPOSITS, deposit_body(stage))
    made = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{DEPOSITS}/{made['id']}"
    assert (made["object"], made["status"]) == ("deposit", "advised")
    assert (made["qty"], made["settled_qty"]) == ("1000.25", "0")
    assert made["decision_id"].startswith("dec_")
    assert api.get(f"{DEPOSITS}/{made['id']}").json() == made
    assert api.get(DEPOSITS, {"status": "advised"}).json()["data"] == [made]
    assert api.get(DEPOSITS, {"status": "settled"}).json()["data"] == []


def test_a_settled_deposit_shows_in_the_position(stage, api):
    made = api.post(DEPOSITS, deposit_body(stage)).json()
    stage.confirm(Deposit.objects.get())
    assert api.get(f"{DEPOSITS}/{made['id']}").json()["status"] == "settled"
    position = api.get("/v1/custody/positions", {"investor_id": stage.investor.public_id}).json()
    assert position["data"] == [
        {
            "object": "position",
            "investor_id": stage.investor.public_id,
            "underlying_symbol": "IBIT",
            "free": "1000.25",
            "reserved": "0",
            "releasing": "0",
        }
    ]


def test_the_same_key_is_one_deposit(stage, api):
    first = api.post(DEPOSITS, deposit_body(stage), **{"Idempotency-Key": "k"})
    again = api.post(DEPOSITS, deposit_body(stage), **{"Idempotency-Key": "k"})
    assert again.content == first.content
    assert Deposit.objects.count() == 1


def test_a_delivery_is_requested_delivered_and_read(stage, api):
    stage.settled_deposit("1000")
    made = api.post(DELIVERIES, delivery_body(stage)).json()
    assert (made["status"], made["qty"], made["delivered_qty"]) == ("requested", "100", "0")
    assert made["destination"] == {"participant": "0123", "account": "KELLER-01"}

    delivery = Delivery.objects.get()
    services.begin_delivery_instruction(delivery=delivery, actor=ACTOR, now=timezone.now())
    stage.load(confirmation(line_about(delivery)))
    done = api.get(f"{DELIVERIES}/{made['id']}").json()
    assert (done["status"], done["delivered_qty"]) == ("delivered", "100")


def test_both_can_be_called_off_in_time(stage, api):
    stage.settled_deposit("1000")
    deposit = api.post(DEPOSITS, deposit_body(stage)).json()
    assert api.post(f"{DEPOSITS}/{deposit['id']}/cancel").json()["status"] == "cancelled"
    delivery = api.post(DELIVERIES, delivery_body(stage)).json()
    assert api.post(f"{DELIVERIES}/{delivery['id']}/cancel").json()["status"] == "cancelled"
    again = api.post(f"{DELIVERIES}/{delivery['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    assert stage.held().free == parse_quantity("1000")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"qty": "-1"}, 400, "quantity_invalid"),
        ({"qty": 5}, 400, "quantity_invalid"),
        ({"qty": 1.5}, 400, "quantity_invalid"),
        ({"qty": "0"}, 400, "quantity_invalid"),
        ({"qty": "1.0000000000000000001"}, 400, "quantity_invalid"),
        ({"qty": "0.0000000001"}, 422, "quantity_invalid"),
        ({"underlying_symbol": "NOPE"}, 422, "unknown_fund"),
        ({"surprise": "x"}, 400, "unknown_field"),
        ({"investor_id": "wal_00000000000000000000000000"}, 400, None),
        ({"investor_id": "inv_00000000000000000000000000"}, 404, "not_found"),
        ({"reference": "with space"}, 400, "field_invalid"),
        ({"reference": ""}, 400, "field_invalid"),
    ],
)
def test_a_bad_deposit_is_refused_and_changes_nothing(stage, api, changes, status, code):
    answer = api.post(DEPOSITS, deposit_body(stage, **changes))
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/problem+json")
    assert code is None or answer.json()["code"] == code
    assert Deposit.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"destination": {"participant": "0123"}}, "field_invalid"),
        ({"destination": {"participant": "0123", "account": "a", "x": "y"}}, "unknown_field"),
        ({"destination": {"participant": "0123", "account": "a\nb"}}, "field_invalid"),
        ({"destination": "0123"}, "field_invalid"),
        ({"qty": "1001"}, "insufficient_shares"),
    ],
)
def test_a_bad_delivery_is_refused_and_changes_nothing(stage, api, changes, code):
    stage.settled_deposit("1000")
    answer = api.post(DELIVERIES, delivery_body(stage, **changes))
    assert answer.json()["code"] == code
    assert Delivery.objects.count() == 0
    assert stage.held().free == parse_quantity("1000")


def test_another_institutions_rows_do_not_exist(stage, api, stranger):
    stage.settled_deposit("1000")
    deposit = api.post(DEPOSITS, deposit_body(stage)).json()
    delivery = api.post(DELIVERIES, delivery_body(stage)).json()
    for path in (f"{DEPOSITS}/{deposit['id']}", f"{DELIVERIES}/{delivery['id']}"):
        assert stranger.get(path).status_code == 404
        assert stranger.post(f"{path}/cancel").status_code == 404
    assert stranger.get(DEPOSITS).json()["data"] == []
    assert stranger.get(DELIVERIES).json()["data"] == []
    foreign = {"investor_id": stage.investor.public_id}
    assert stranger.get("/v1/custody/positions", foreign).status_code == 404
    assert stranger.post(DEPOSITS, deposit_body(stage)).status_code == 404
    assert stranger.post(DELIVERIES, delivery_body(stage)).status_code == 404
    assert stage.held().releasing == parse_quantity("100")


def test_a_key_without_the_scope_may_not_move_shares(stage):
    reader = make_client(stage.investor.institution, granted=frozenset({"custody:read"}))
    answer = reader.post(DEPOSITS, deposit_body(stage))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert reader.get(DEPOSITS).status_code == 200
