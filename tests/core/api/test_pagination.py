"""Pages: complete, stable, and not to be forged."""

import base64

import pytest
from django.utils import timezone

from core.models import WebhookEndpoint

PATH = "/v1/webhook-endpoints"


@pytest.fixture
def rows(api):
    WebhookEndpoint.objects.bulk_create(
        WebhookEndpoint(
            institution=api.institution,
            url=f"https://h{number}.example.com/",
            event_types=["*"],
            api_version="2026-12-01",
            created_at=timezone.now(),
        )
        for number in range(7)
    )
    return [row.public_id for row in WebhookEndpoint.objects.order_by("-pk")]


def _walk(api, **query):
    found, mark = [], None
    while True:
        page = api.get(PATH, query | ({"page_token": mark} if mark else {})).json()
        found += [row["id"] for row in page["data"]]
        mark = page["next_page_token"]
        assert page["has_more"] == (mark is not None)
        if mark is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_every_row_comes_once_newest_first(api, rows, limit):
    assert _walk(api, limit=limit) == rows


def test_the_order_can_be_turned(api, rows):
    assert _walk(api, limit=3, order="asc") == rows[::-1]


def test_a_mark_of_another_list_order_or_hand_is_refused(api, rows, client_for):  # noqa: ARG001
    mark = api.get(PATH, {"limit": 2}).json()["next_page_token"]
    raw = bytearray(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    raw[3] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    other = client_for("Beta Bank")
    asked = [
        api.get(PATH, {"page_token": mark, "order": "asc"}),
        api.get("/v1/api-keys", {"page_token": mark}),
        api.get(PATH, {"page_token": forged}),
        api.get(PATH, {"page_token": "!!"}),
        api.get(PATH, {"page_token": mark[:-4]}),
        other.get(PATH, {"page_token": mark}),
    ]
    assert {(each.status_code, each.json()["code"]) for each in asked} == {
        (400, "page_token_mismatch")
    }
