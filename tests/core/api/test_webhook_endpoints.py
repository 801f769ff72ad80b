"""Webhook endpoints through the API."""

import pytest
from django.utils import timezone

from core.models import Event, WebhookDelivery, WebhookEndpoint, WebhookSecret

PATH = "/v1/webhook-endpoints"
GOOD = {"url": "https://hooks.example.com/in", "event_types": ["thing.*"], "description": "d"}


@pytest.fixture
def endpoint(api):
    return api.post(PATH, GOOD).json()


def test_the_secret_is_shown_once(api, endpoint):
    assert endpoint["secret"].startswith("whsec_")
    shown = api.get(f"{PATH}/{endpoint['id']}")
    assert "secret" not in shown.json()
    assert shown["ETag"] == '"1"'
    assert shown.json()["status"] == "enabled"
    assert endpoint["secret"].encode() not in bytes(Event.objects.latest("created_at").body)


def test_an_unchanged_endpoint_is_304(api, endpoint):
    response = api.get(f"{PATH}/{endpoint['id']}", **{"If-None-Match": '"1"'})
    assert (response.status_code, response.content) == (304, b"")


def test_a_patch_needs_the_version_last_seen(api, endpoint):
    path = f"{PATH}/{endpoint['id']}"
    assert api.patch(path, {"description": "n"}).json()["code"] == "version_required"
    assert api.patch(path, {"description": "n"}, **{"If-Match": "x"}).status_code == 412
    done = api.patch(path, {"description": "n"}, **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["description"], done.json()["version"]) == (200, "n", 2)
    stale = api.patch(path, {"description": "m"}, **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    assert WebhookEndpoint.objects.get().description == "n"


def test_disable_and_enable_are_patches_with_events(api, endpoint):
    path = f"{PATH}/{endpoint['id']}"
    api.patch(path, {"status": "disabled"}, **{"If-Match": '"1"'})
    assert api.post(f"{path}/test").json()["code"] == "state_conflict"
    api.patch(path, {"status": "enabled"}, **{"If-Match": '"2"'})
    types = list(
        Event.objects.filter(object_type="webhook_endpoint").values_list("type", flat=True)
    )
    assert sorted(types) == [
        "webhook_endpoint.created",
        "webhook_endpoint.disabled",
        "webhook_endpoint.enabled",
    ]


def test_a_deleted_endpoint_is_gone_with_its_secrets(api, endpoint):
    path = f"{PATH}/{endpoint['id']}"
    assert api.delete(path).json()["status"] == "deleted"
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404
    assert api.get(PATH).json()["data"] == []
    assert not WebhookSecret.objects.exists()


def test_rotation_adds_a_second_secret_and_a_fourth_is_refused(api, endpoint):
    path = f"{PATH}/{endpoint['id']}/rotate"
    first = api.post(path, {}).json()["secret"]
    assert first != endpoint["secret"]
    assert WebhookSecret.objects.filter(expires_at__gt=timezone.now()).count() == 1
    assert api.post(path, {}).status_code == 200
    assert api.post(path, {}).json()["code"] == "state_conflict"


def test_a_ping_goes_to_its_endpoint_alone(api, endpoint):
    api.post(PATH, GOOD | {"event_types": ["*"]})
    WebhookDelivery.objects.all().delete()
    ping = api.post(f"{PATH}/{endpoint['id']}/test")
    assert ping.status_code == 201
    assert (ping.json()["event_type"], ping.json()["status"]) == ("test.ping", "pending")
    assert WebhookDelivery.objects.get().endpoint.public_id == endpoint["id"]


def test_redelivery_starts_the_ladder_anew_with_the_same_event(api, endpoint):
    delivery = api.post(f"{PATH}/{endpoint['id']}/test").json()
    WebhookDelivery.objects.update(state="FAILED", rung=14, next_attempt_at=None)
    path = f"/v1/webhook-deliveries/{delivery['id']}/redeliver"
    again = api.post(path).json()
    assert (again["status"], again["event_id"]) == ("pending", delivery["event_id"])
    row = WebhookDelivery.objects.get(event__type="test.ping")
    assert row.rung == 0
    assert row.next_attempt_at is not None
    assert row.next_attempt_at <= timezone.now()
    listed = api.get(f"{PATH}/{endpoint['id']}/deliveries", {"status": "pending"}).json()["data"]
    assert [each["id"] for each in listed] == [delivery["id"]]
    assert api.get(f"{PATH}/{endpoint['id']}/deliveries", {"status": "x"}).status_code == 400


def test_the_seventeenth_endpoint_is_refused(api):
    for number in range(16):
        assert api.post(PATH, {"url": f"https://h{number}.example.com/"}).status_code == 201
    assert api.post(PATH, GOOD).json()["code"] == "too_many_endpoints"


@pytest.mark.parametrize("types", [["*.*"], ["thing"], ["Thing.done"], ["a.b.c"], [""]])
def test_an_event_type_of_another_form_is_refused(api, types):
    response = api.post(PATH, GOOD | {"event_types": types})
    assert response.json()["code"] in {"event_type_invalid", "field_invalid"}
    assert not WebhookEndpoint.objects.exists()


def test_only_subscribed_types_make_deliveries(api, endpoint):  # noqa: ARG001 - asked for its effect
    assert WebhookDelivery.objects.count() == 0  # created, but not of type thing.*
