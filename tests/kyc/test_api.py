"""/v1/investors, wallets and decisions as a client meets them."""

import pytest
from django.db import connection
from django.utils import timezone

from core import scopes
from core.models import Event, IdempotencyKey
from kyc import services
from kyc.models import Fact, Investor, Owner, Wallet
from tests.kyc.rows import (
    CHECKER,
    HK_FUND,
    MAINLAND,
    MAKER,
    NETWORK,
    SWISS,
    address_of,
    key_of,
    sign,
)

KEY = key_of(9)
PERSON = {"external_id": "c-1", "kind": "natural", "legal_name": "Anna Muster", "facts": SWISS}
COMPANY = {"external_id": "c-2", "kind": "entity", "legal_name": "Fund Ltd", "facts": HK_FUND}
DOCUMENT = {"kind": "passport", "issuing_country": "CH", "sha256": "ab" * 32}
OWNER = {
    "name": "Parent",
    "kind": "entity",
    "country": "CN",
    "share_pct": "60.00",
    "controls": True,
}


@pytest.fixture(autouse=True)
def _network(settings):
    settings.CHAIN_IDS = {NETWORK: 31337}


def create(api, body=PERSON, **changes):
    response = api.post("/v1/investors", body | changes)
    assert response.status_code == 201, response.content
    return response.json()


def approve(investor):
    pk = Investor.objects.get(external_id=investor["external_id"]).pk
    now = timezone.now()
    services.propose_approval(investor_id=pk, actor=MAKER, now=now)
    services.approve_investor(investor_id=pk, actor=CHECKER, now=now)


def refused(response, status, code, pointer=""):
    assert response.status_code == status, response.content
    problem = response.json()
    assert problem["code"] == code, problem
    if pointer:
        assert pointer in {error["pointer"] for error in problem["errors"]}
    return problem


def test_an_investor_is_created_submitted_approved_and_read(api):
    created = create(api)
    path = f"/v1/investors/{created['id']}"
    assert created["status"] == "draft"
    assert created["kind"] == "natural"
    submitted = api.post(f"{path}/submit")
    assert (submitted.status_code, submitted.json()["status"]) == (200, "in_review")
    approve(created)
    shown = api.get(path)
    assert shown.json()["status"] == "approved"
    assert shown["ETag"] == f'"{shown.json()["version"]}"'
    decision = api.get(f"/v1/decisions/{shown.json()['decision_id']}").json()
    assert (decision["object"], decision["effect"]) == ("decision", "allow")
    assert decision["investor_id"] == created["id"]
    assert "N42-I1-SVC" in decision["not_fired"]


def test_a_mainland_investor_is_rejected_with_clause_and_quotation(api):
    created = create(api, facts=MAINLAND)
    rejected = api.post(f"/v1/investors/{created['id']}/submit").json()
    assert rejected["status"] == "rejected"
    assert rejected["reasons"][0]["clause"] == "I(I)"
    assert "domestic entities in any form" in rejected["reasons"][0]["quote"]
    decision = api.get(f"/v1/decisions/{rejected['decision_id']}").json()
    first = decision["fired"][0]
    assert first["id"] == "N42-I1-SVC"
    assert first["document"] == "Yinfa [2026] 42"
    assert first["facts"]["residence"] == ["CN"]


def test_a_company_with_a_mainland_parent_is_rejected(api):
    company = create(api, COMPANY, facts={"incorporation": "SG", "place_of_business": "SG"})
    path = f"/v1/investors/{company['id']}"
    owner = api.post(f"{path}/owners", OWNER)
    assert owner.status_code == 201
    assert owner.json()["share_pct"] == "60.00"
    rejected = api.post(f"{path}/submit").json()
    assert rejected["status"] == "rejected"
    assert {"N42-13-CTRL"} <= {reason["id"] for reason in rejected["reasons"]}
    assert api.get(f"{path}/owners").json()["data"][0]["name"] == "Parent"


def test_facts_are_corrected_and_a_holder_is_decided_anew(api):
    created = create(api)
    path = f"/v1/investors/{created['id']}"
    api.post(f"{path}/submit")
    approve(created)
    changed = api.patch(path, {"facts": {"residence": "CN"}})
    assert (changed.status_code, changed.json()["status"]) == (200, "exit_only")
    facts = {fact["name"]: fact["value"] for fact in api.get(f"{path}/facts").json()["data"]}
    assert facts["residence"] == ["CN"]


def test_investors_are_listed_and_filtered(api):
    create(api)
    create(api, COMPANY)
    assert len(api.get("/v1/investors").json()["data"]) == 2
    found = api.get("/v1/investors", {"external_id": "c-2", "status": "draft"}).json()["data"]
    assert [row["external_id"] for row in found] == ["c-2"]
    assert api.get("/v1/investors", {"status": "approved"}).json()["data"] == []
    refused(api.get("/v1/investors", {"status": "happy"}), 400, "field_invalid")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"colour": "red"}, "unknown_field", "/colour"),
        ({"kind": "robot"}, "field_invalid", "/kind"),
        ({"kind": 1}, "field_invalid", "/kind"),
        ({"external_id": ""}, "field_invalid", "/external_id"),
        ({"external_id": "a b"}, "field_invalid", "/external_id"),
        ({"external_id": "a" * 101}, "field_invalid", "/external_id"),
        ({"legal_name": " "}, "field_invalid", "/legal_name"),
        ({"legal_name": 5}, "field_invalid", "/legal_name"),
        ({"facts": []}, "field_invalid", "/facts"),
        ({"facts": {"colour": "red"}}, "unknown_field", "/facts/colour"),
        ({"facts": {"owners": []}}, "unknown_field", "/facts/owners"),
        ({"facts": {"residence": "XX"}}, "field_invalid", "/facts/residence"),
        ({"facts": {"residence": {"a": 1}}}, "field_invalid", "/facts/residence"),
        ({"facts": {"incorporation": "CH"}}, "field_invalid", "/facts/incorporation"),
        ({"facts": {"professional": "yes"}}, "field_invalid", "/facts/professional"),
        ({"facts": {"phone": "1"}}, "field_invalid", "/facts/phone"),
        ({"facts": {"phone": []}}, "field_invalid", "/facts/phone"),
        ({"facts": {"nationality": []}}, "field_invalid", "/facts/nationality"),
        ({"facts": {"nationality": [[]]}}, "field_invalid", "/facts/nationality"),
    ],
)
def test_bad_input_creates_no_investor(api, changes, code, pointer):
    refused(api.post("/v1/investors", PERSON | changes), 400, code, pointer)
    assert not Investor.objects.exists()
    assert not Fact.objects.exists()
    assert not Event.objects.filter(type__startswith="investor.").exists()


def test_a_refusal_by_rule_is_answered_the_same_again(api):
    create(api)
    first = api.post("/v1/investors", PERSON, **{"Idempotency-Key": "k"})
    refused(first, 409, "external_id_used", "/external_id")
    again = api.post("/v1/investors", PERSON, **{"Idempotency-Key": "k"})
    assert again.content == first.content


def test_the_stored_answer_holds_no_name_in_clear(api):
    create(api)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM core_idempotencykey t")
        text = cursor.fetchone()[0]
    assert b"Anna Muster".hex() not in text
    assert b"Anna Muster" in bytes(IdempotencyKey.objects.get().body)


def test_no_personal_data_reaches_the_logs(api, caplog, capfd):
    name, phone = "Canary Zwölfer", "+41446681899"
    facts = SWISS | {"phone": phone}
    with caplog.at_level("DEBUG"):
        created = create(api, legal_name=name, facts=facts)
        api.post(f"/v1/investors/{created['id']}/submit")
        api.post("/v1/investors", PERSON | {"legal_name": name, "facts": facts})
        api.post("/v1/investors", PERSON | {"legal_name": name, "facts": {"phone": phone + "x"}})
    written = caplog.text + "".join(capfd.readouterr())
    assert name not in written
    assert phone not in written


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"share_pct": "100.01"}, "/share_pct"),
        ({"share_pct": "-1"}, "/share_pct"),
        ({"share_pct": "1e2"}, "/share_pct"),
        ({"share_pct": "12.345"}, "/share_pct"),
        ({"share_pct": "12."}, "/share_pct"),
        ({"share_pct": 60}, "/share_pct"),
        ({"share_pct": "٣"}, "/share_pct"),
        ({"country": "XX"}, "/country"),
        ({"controls": "yes"}, "/controls"),
        ({"nationality": "X1"}, "/nationality"),
    ],
)
def test_bad_owners_are_refused(api, changes, pointer):
    company = create(api, COMPANY)
    response = api.post(f"/v1/investors/{company['id']}/owners", OWNER | changes)
    refused(response, 400, "field_invalid", pointer)
    assert not Owner.objects.exists()


def test_documents_are_put_on_file(api):
    path = f"/v1/investors/{create(api)['id']}/documents"
    assert api.post(path, DOCUMENT).status_code == 201
    assert api.get(path).json()["data"][0]["sha256"] == "ab" * 32
    refused(api.post(path, DOCUMENT), 409, "document_used")
    refused(api.post(path, DOCUMENT | {"sha256": "zz"}), 400, "field_invalid", "/sha256")
    refused(api.post(path, DOCUMENT | {"kind": "poem"}), 400, "field_invalid", "/kind")
    expired = DOCUMENT | {"expires_on": "2020-01-01"}
    refused(api.post(path, expired), 400, "field_invalid", "/expires_on")


def _claim(api, investor, **changes):
    body = {"investor_id": investor["id"], "network": NETWORK, "address": address_of(KEY)}
    return api.post("/v1/wallets", body | changes)


def test_a_wallet_is_claimed_challenged_and_proved(api):
    investor = create(api)
    api.post(f"/v1/investors/{investor['id']}/submit")
    approve(investor)
    wallet = _claim(api, investor).json()
    assert (wallet["status"], wallet["investor_id"]) == ("claimed", investor["id"])
    path = f"/v1/wallets/{wallet['id']}"
    challenge = api.post(f"{path}/challenge")
    assert challenge.status_code == 201
    message = challenge.json()["message"]
    body = {"message": message, "signature": sign(KEY, message)}
    wrong = {"message": message, "signature": sign(key_of(10), message)}
    refused(api.post(f"{path}/proof", wrong), 422, "signature_invalid", "/signature")
    proved = api.post(f"{path}/proof", body)
    assert (proved.status_code, proved.json()["status"]) == (200, "proved")
    assert proved.json()["usable_at"] > proved.json()["proved_at"]
    refused(api.post(f"{path}/proof", body), 409, "challenge_used", "/message")
    found = api.get("/v1/wallets", {"investor_id": investor["id"], "status": "proved"}).json()
    assert [row["id"] for row in found["data"]] == [wallet["id"]]
    assert api.get(path).json()["address"] == address_of(KEY)
    assert api.post(f"{path}/revoke").json()["status"] == "revoked"


def test_bad_wallets_are_refused(api):
    investor = create(api)
    refused(_claim(api, investor, network="base"), 422, "network_unknown", "/network")
    refused(_claim(api, investor, address="0x12"), 400, "field_invalid", "/address")
    refused(_claim(api, investor, investor_id="inv_1"), 400, "field_invalid", "/investor_id")
    refused(_claim(api, investor, colour=1), 400, "unknown_field", "/colour")
    assert not Wallet.objects.exists()


def test_another_institution_sees_nothing_and_changes_nothing(api, client_for):
    company = create(api, COMPANY)
    wallet = _claim(api, company).json()
    other = client_for("Beta Bank")
    investor_path, wallet_path = f"/v1/investors/{company['id']}", f"/v1/wallets/{wallet['id']}"
    submitted = api.post(f"{investor_path}/submit").json()
    before = Event.objects.count()
    answers = [
        other.get(investor_path),
        other.patch(investor_path, {"facts": {"residence": "CH"}}),
        other.post(f"{investor_path}/submit"),
        other.get(f"{investor_path}/facts"),
        other.get(f"{investor_path}/documents"),
        other.post(f"{investor_path}/documents", DOCUMENT),
        other.get(f"{investor_path}/owners"),
        other.post(f"{investor_path}/owners", OWNER),
        _claim(other, company, address=address_of(key_of(10))),
        other.get(wallet_path),
        other.post(f"{wallet_path}/challenge"),
        other.post(f"{wallet_path}/proof", {"message": "m", "signature": "s"}),
        other.post(f"{wallet_path}/revoke"),
        other.get(f"/v1/decisions/{submitted['decision_id']}"),
    ]
    for answer in answers:
        refused(answer, 404, "not_found")
    assert other.get("/v1/investors").json()["data"] == []
    assert other.get("/v1/wallets").json()["data"] == []
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "/v1/investors", "investors:read"),
        ("post", "/v1/investors", "investors:write"),
        ("get", "/v1/wallets", "wallets:read"),
        ("post", "/v1/wallets", "wallets:write"),
        ("get", "/v1/decisions/dec_1", "decisions:read"),
    ],
)
def test_each_operation_needs_its_scope(client_for, method, path, scope):
    without = client_for("Beta", granted=[name for name in scopes.known() if name != scope])
    refused(getattr(without, method)(path), 403, "scope_missing")
