"""Who gets in: keys, scopes, addresses, tenants."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import keys, services
from core.actors import operator, system
from core.api.client_address import client_address
from core.errors import DomainError, StateConflict
from core.models import ApiKey, Event, Institution, WebhookDelivery

GOOD = {"url": "https://hooks.example.com/in"}


def _refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)
    return True


def test_a_good_key_is_let_in_and_its_use_is_noted_once_a_minute(api):
    assert api.get("/v1/events").status_code == 200
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    api.get("/v1/events")
    assert ApiKey.objects.get().last_used_at == used


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer x", "Bearer " + "x" * 500])
def test_a_request_without_a_key_is_refused_alike(api, header):
    response = api.http.get("/v1/events", headers={"Authorization": header} if header else {})
    assert _refused(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_checksum_is_refused_without_a_query(api):
    text = api.issued.text[:-1] + ("A" if api.issued.text[-1] != "A" else "B")
    with CaptureQueriesContext(connection) as queries:
        response = api.http.get("/v1/events", headers={"Authorization": f"Bearer {text}"})
    assert _refused(response, 401, "unauthenticated")
    assert len(queries) == 0


def test_unknown_revoked_and_expired_keys_answer_the_same(api):
    def ask(text):
        response = api.http.get("/v1/events", headers={"Authorization": f"Bearer {text}"})
        body = response.json()
        body.pop("request_id")
        return response.status_code, body

    unknown = ask(keys.generate().text)
    services.revoke_api_key(
        key_id=api.issued.row.pk, reason="leaked", actor=operator(1), now=timezone.now()
    )
    assert ask(api.issued.text) == unknown
    ApiKey.objects.update(status="ACTIVE", expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(api.issued.text) == unknown
    assert unknown[0] == 401


def test_a_key_with_another_secret_is_refused(api):
    ApiKey.objects.update(digest=keys.digest("another"))
    assert _refused(api.get("/v1/events"), 401, "unauthenticated")


def test_a_suspended_institution_is_refused(api):
    Institution.objects.update(status="SUSPENDED")
    assert _refused(api.get("/v1/events"), 401, "unauthenticated")


def test_a_missing_scope_is_named(client_for):
    api = client_for(granted={"events:read"})
    assert api.get("/v1/events").status_code == 200
    response = api.post("/v1/webhook-endpoints", GOOD)
    assert _refused(response, 403, "scope_missing")
    assert response.json()["required_scope"] == "webhooks:write"


@pytest.mark.parametrize(
    ("networks", "remote", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.114.9", 403),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", 200),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
        (["203.0.113.0/24"], "", 403),
    ],
)
def test_a_key_works_from_its_networks_only(client_for, networks, remote, status):
    api = client_for(allowed_networks=networks)
    response = api.http.get("/v1/events", headers=api._headers({}), REMOTE_ADDR=remote)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "address_not_allowed"


@pytest.mark.parametrize(
    ("count", "forwarded", "expected"),
    [
        (0, "203.0.113.1", "10.0.0.1"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "6.6.6.6, 203.0.113.1", "203.0.113.1"),
        (2, "6.6.6.6, 203.0.113.1, 10.0.0.7", "203.0.113.1"),
        (2, "203.0.113.1", "10.0.0.1"),
        (1, "", None),
        (1, "garbage", None),
    ],
)
def test_only_our_own_proxies_are_believed(rf, settings, count, forwarded, expected):
    settings.TRUSTED_PROXY_COUNT = count
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded})
    found = client_address(request)
    assert (str(found) if found else None) == expected


def test_rotation_overlaps_and_then_the_old_key_ends(api):
    path = f"/v1/api-keys/{api.issued.row.public_id}/rotate"
    response = api.post(path, {"overlap_seconds": 3600})
    assert response.status_code == 201
    new = response.json()
    assert new["scopes"] == api.issued.row.scopes
    for text in (api.issued.text, new["key"]):
        asked = api.http.get("/v1/events", headers={"Authorization": f"Bearer {text}"})
        assert asked.status_code == 200
    old = ApiKey.objects.get(pk=api.issued.row.pk)
    assert old.expires_at <= timezone.now() + timedelta(seconds=3600)
    assert Event.objects.filter(type="api_key.rotated", object_id=old.pk).count() == 1
    assert _refused(api.post(path, {}), 409, "state_conflict")
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert _refused(api.get("/v1/events"), 401, "unauthenticated")


@pytest.mark.parametrize(
    "options",
    [
        {"granted": {"api_keys:rotate"}},
        {"allowed_networks": ["127.0.0.0/8"]},
    ],
)
def test_a_key_cannot_rotate_itself_into_more_rights(api, client_for, options):
    weaker = client_for(institution=api.institution, **options)
    path = f"/v1/api-keys/{api.issued.row.public_id}/rotate"
    assert _refused(weaker.post(path, {}), 403, "scope_missing")
    assert ApiKey.objects.count() == 2
    own = f"/v1/api-keys/{weaker.issued.row.public_id}/rotate"
    assert api.post(own, {}).status_code == 201
    assert weaker.post(own, {}).status_code == 409


def test_a_rotation_without_overlap_ends_the_old_key_at_once(api):
    path = f"/v1/api-keys/{api.issued.row.public_id}/rotate"
    assert api.post(path, {"overlap_seconds": 0}).status_code == 201
    assert _refused(api.get("/v1/events"), 401, "unauthenticated")


@pytest.mark.parametrize("seconds", [-1, 7 * 86_400 + 1, "60", 1.5, True])
def test_an_overlap_out_of_range_is_refused(api, seconds):
    path = f"/v1/api-keys/{api.issued.row.public_id}/rotate"
    assert _refused(api.post(path, {"overlap_seconds": seconds}), 400, "field_invalid")
    assert ApiKey.objects.count() == 1


def test_a_key_is_revoked_once(api):
    options = {"key_id": api.issued.row.pk, "reason": "r", "actor": operator(1)}
    services.revoke_api_key(**options, now=timezone.now())
    with pytest.raises(StateConflict):
        services.revoke_api_key(**options, now=timezone.now())


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"granted": {"everything"}}, "scope_unknown"),
        ({"granted": set()}, "scope_unknown"),
        ({"lifetime": timedelta(days=366)}, "key_lifetime_invalid"),
        ({"lifetime": timedelta(0)}, "key_lifetime_invalid"),
        ({"allowed_networks": ["10.0.0.0/33"]}, "network_invalid"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "network_invalid"),
    ],
)
def test_a_key_that_should_not_exist_is_not_issued(client_for, institution, options, code):
    with pytest.raises(DomainError) as refusal:
        client_for(institution=institution, **options)
    assert refusal.value.code == code
    assert not ApiKey.objects.exists()


def test_secrets_are_not_in_the_database_nor_in_events(api):
    parsed = keys.parse(api.issued.text)
    assert parsed is not None
    secret = parsed.secret
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_apikey::text FROM core_apikey")
        assert secret not in cursor.fetchone()[0]
    assert all(secret.encode() not in bytes(event.body) for event in Event.objects.all())


def test_another_institutions_objects_are_not_there(api, client_for):
    made = api.post("/v1/webhook-endpoints", GOOD).json()
    services.send_test_ping(
        institution_id=api.institution.pk,
        endpoint_id=WebhookDelivery.objects.latest("created_at").endpoint_id,
        actor=system("test"),
        now=timezone.now(),
    )
    event = Event.objects.filter(institution=api.institution).latest("sequence")
    delivery = WebhookDelivery.objects.latest("created_at")
    other = client_for("Beta Bank")
    endpoint = f"/v1/webhook-endpoints/{made['id']}"
    asked = [
        other.get(f"/v1/events/{event.public_id}"),
        other.get(endpoint),
        other.patch(endpoint, {"description": "mine"}, **{"If-Match": '"1"'}),
        other.delete(endpoint),
        other.get(f"{endpoint}/deliveries"),
        other.post(f"{endpoint}/test"),
        other.post(f"{endpoint}/rotate"),
        other.post(f"/v1/webhook-deliveries/{delivery.public_id}/redeliver"),
        other.post(f"/v1/api-keys/{api.issued.row.public_id}/rotate"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in asked] == [(404, "not_found")] * 9
    assert other.get("/v1/webhook-endpoints").json()["data"] == []
    assert [key["name"] for key in other.get("/v1/api-keys").json()["data"]] == ["test"]
    ours = {each["institution_id"] for each in other.get("/v1/events").json()["data"]}
    assert ours == {other.institution.public_id}
