"""Clients in forbidden places get 451 with the citation; unknown places fail closed in production."""

import importlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.utils import timezone

from kyc.api import access, geoip
from kyc.models import AccessEvent
from kyc.policy.session import session_context
from kyc.sandbox import places
from tests.kyc.rows import SWISS

PERSON = {"external_id": "c-1", "kind": "natural", "legal_name": "Anna", "facts": SWISS}
MAINLAND, HONG_KONG, SWISS_IP = "203.0.113.77", "198.51.100.7", "192.0.2.9"
LIST = "/v1/investors"


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _database(settings, monkeypatch):
    settings.GEOIP_PATH = str(places.PATH)
    settings.TRUSTED_PROXY_COUNT = 1
    settings.DEVELOPMENT = False
    settings.SECURE_SSL_REDIRECT = False
    settings.PUBLIC_URL = "https://api.sharemint.example"
    # The committed database counts as built today.
    monkeypatch.setattr(geoip, "STALE_AFTER", timedelta(days=36_500))
    geoip.open_country_database.cache_clear()
    yield
    geoip.open_country_database.cache_clear()


@pytest.mark.parametrize("address", [MAINLAND, "2001:db8:86::1", "::ffff:203.0.113.77"])
def test_a_client_in_mainland_china_gets_451_with_the_clause(api, address):
    response = api.get(LIST, X_Forwarded_For=address)
    assert response.status_code == 451
    assert response["Content-Type"] == "application/problem+json"
    assert response["Link"] == '<https://api.sharemint.example>; rel="blocked-by"'
    problem = response.json()
    assert problem["code"] == "unavailable_for_legal_reasons"
    assert problem["rule"] == "N42-7-GEO"
    assert problem["citation"]["document"] == "Yinfa [2026] 42"
    assert problem["citation"]["clause"] == "III(7)"
    assert problem["citation"]["quote"].startswith("Internet enterprises are prohibited")


def test_the_refusal_is_recorded_with_the_address_cut_short(api):
    api.get(LIST, X_Forwarded_For=MAINLAND)
    api.get(LIST, X_Forwarded_For="2001:db8:86:1:2::9")
    rows = AccessEvent.objects.order_by("pk")
    assert [row.network for row in rows] == ["203.0.113.0/24", "2001:db8:86::/48"]
    assert {row.country for row in rows} == {"CN"}
    assert {row.code for row in rows} == {"unavailable_for_legal_reasons"}
    assert all(row.request_id for row in rows)
    assert all(row.database_built_at for row in rows)


def test_the_record_of_a_refusal_cannot_be_changed_or_removed(api):
    api.get(LIST, X_Forwarded_For=MAINLAND)
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        AccessEvent.objects.update(country="CH")
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        AccessEvent.objects.all().delete()


@pytest.mark.parametrize("address", [HONG_KONG, SWISS_IP, "2001:db8:852::1"])
def test_clients_elsewhere_are_served(api, address):
    assert api.get(LIST, X_Forwarded_For=address).status_code == 200
    assert not AccessEvent.objects.exists()


def test_a_client_cannot_choose_its_place_by_writing_the_header_itself(api):
    claimed = f"{SWISS_IP}, {MAINLAND}"
    assert api.get(LIST, X_Forwarded_For=claimed).status_code == 451
    assert api.get(LIST, X_Forwarded_For=f"{MAINLAND}, {SWISS_IP}").status_code == 200


def test_without_our_proxies_the_header_is_not_believed(api, settings):
    settings.TRUSTED_PROXY_COUNT = 0
    settings.DEVELOPMENT = True
    assert api.get(LIST, X_Forwarded_For=MAINLAND).status_code == 200


def test_the_probes_answer_everywhere(client):
    response = client.get("/livez", headers={"X-Forwarded-For": MAINLAND})
    assert response.status_code == 200


def test_the_portal_is_closed_to_the_mainland_too(client):
    assert client.get("/portal/", headers={"X-Forwarded-For": MAINLAND}).status_code == 451


def test_an_unknown_place_may_read_and_not_write_in_production(api):
    assert api.get(LIST, X_Forwarded_For="8.8.8.8").status_code == 200
    response = api.post(LIST, PERSON, X_Forwarded_For="8.8.8.8")
    assert (response.status_code, response.json()["code"]) == (403, "location_unknown")
    assert AccessEvent.objects.get().country == ""


def test_an_unknown_place_is_let_through_in_development(api, settings):
    settings.DEVELOPMENT = True
    assert api.post(LIST, PERSON, X_Forwarded_For="8.8.8.8").status_code == 201


def test_an_unknown_place_may_not_write_under_a_prefix_either(rf):
    view = access.GeographicAccess(lambda _: HttpResponse())
    request = rf.post(LIST, SCRIPT_NAME="/sharemint", HTTP_X_FORWARDED_FOR="8.8.8.8")
    assert request.path == f"/sharemint{LIST}"
    assert view(request).status_code == 403


@pytest.mark.parametrize("path", ["", "/nowhere/places.mmdb", __file__])
def test_without_a_database_production_writes_nothing(api, settings, path):
    settings.GEOIP_PATH = path
    assert api.get(LIST, X_Forwarded_For=SWISS_IP).status_code == 200
    response = api.post(LIST, PERSON, X_Forwarded_For=SWISS_IP)
    assert (response.status_code, response.json()["code"]) == (503, "location_unavailable")
    assert response["Retry-After"]


def test_a_stale_database_is_no_database(api, monkeypatch):
    monkeypatch.setattr(geoip, "STALE_AFTER", timedelta(seconds=-1))
    response = api.post(LIST, PERSON, X_Forwarded_For=SWISS_IP)
    assert (response.status_code, response.json()["code"]) == (503, "location_unavailable")


def test_decisions_in_a_request_hear_of_its_place_and_of_no_other(rf):
    seen: list[dict[str, str]] = []

    def answer(_request):
        seen.append(session_context())
        return HttpResponse()

    middleware = access.GeographicAccess(answer)
    middleware(rf.get(LIST, headers={"X-Forwarded-For": HONG_KONG}))
    middleware(rf.get(LIST, headers={"X-Forwarded-For": "8.8.8.8"}))
    assert seen == [{"session_country": "HK"}, {}]
    assert session_context() == {}


def test_the_committed_database_is_what_its_generator_writes(tmp_path):
    again = tmp_path / "places.mmdb"
    importlib.import_module("kyc.sandbox.places").write(again)
    first = geoip.open_country_database(str(places.PATH))
    second = geoip.open_country_database(str(again))
    assert first is not None
    assert second is not None
    for network in places.PLACES:
        address = network.partition("/")[0]
        assert first.reader.get(address) == second.reader.get(address)
    assert first.built_at < timezone.now() + timedelta(days=1)
