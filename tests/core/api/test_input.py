"""Bad input: each kind has a stable code and changes nothing."""

import json

import pytest

from core.models import IdempotencyKey, WebhookEndpoint

PATH = "/v1/webhook-endpoints"
GOOD = {"url": "https://hooks.example.com/in", "event_types": ["*"]}


def _code(response, status):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-Id"]
    assert problem["type"].endswith(problem["code"])
    return problem["code"]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        '"text"',
        "null",
        "{'a': 1}",
        '{"url": NaN}',
        '{"url": 1e999}',
        '{"url": "a", "url": "b"}',
        '{"url": "a\\u0000b"}',
        '{"url": "\\ud800"}',
        '{"url": ' + "[" * 30 + "]" * 30 + "}",
        "[" * 100_000,
        '{"a":' * 40_000,
        '{"url": "' + '\\"[' * 60_000,
        '{"url": ' + "9" * 5000 + "}",
        b"\xff\xfe{}",
    ],
)
def test_a_body_that_is_not_one_json_object_is_refused(api, raw):
    response = api.post(PATH, raw=raw)
    # An empty body is an empty object, so its fields are missing.
    assert _code(response, 400) == ("field_invalid" if raw == "" else "malformed_json")
    assert not WebhookEndpoint.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_an_unknown_field_is_refused_with_its_place(api):
    response = api.post(PATH, GOOD | {"evnt_types": []})
    assert _code(response, 400) == "unknown_field"
    assert response.json()["errors"] == [
        {
            "pointer": "/evnt_types",
            "code": "unknown_field",
            "detail": "This operation has no such field.",
        }
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"url": 5},
        {"url": None},
        {"url": True},
        {"url": ["https://hooks.example.com"]},
        {"event_types": "*"},
        {"event_types": []},
        {"event_types": {"0": "*"}},
        {"description": 1},
        {"description": "x" * 201},
    ],
)
def test_a_field_of_the_wrong_type_is_refused(api, change):
    assert _code(api.post(PATH, GOOD | change), 400) == "field_invalid"
    assert not WebhookEndpoint.objects.exists()


def test_nested_errors_are_flattened_to_pointers(api):
    response = api.post(PATH, GOOD | {"event_types": ["*", "x" * 100]})
    assert _code(response, 400) == "field_invalid"
    assert [error["pointer"] for error in response.json()["errors"]] == ["/event_types/1"]


def test_a_body_above_256_kb_is_refused(api):
    assert _code(api.post(PATH, GOOD | {"description": "x" * 300_000}), 413) == "body_too_large"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_accepted(api, content_type):
    response = api.post(PATH, raw=json.dumps(GOOD), content_type=content_type)
    assert _code(response, 415) == "unsupported_media_type"


def test_a_post_without_a_key_is_refused(api):
    response = api.post(PATH, GOOD, **{"Idempotency-Key": None})
    assert _code(response, 400) == "idempotency_key_missing"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "clé"])
def test_a_key_of_another_form_is_refused(api, key):
    response = api.post(PATH, GOOD, **{"Idempotency-Key": key})
    assert _code(response, 400) == "idempotency_key_missing"


def test_an_unknown_query_parameter_is_refused(api):
    assert _code(api.get(PATH, {"limits": "5"}), 400) == "unknown_field"
    assert _code(api.get(PATH, {"limit": "101"}), 400) == "field_invalid"


def test_a_method_that_is_not_there_is_405_with_allow(api):
    response = api.delete(PATH)
    assert _code(response, 405) == "method_not_allowed"
    assert "POST" in response["Allow"]


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/nothing", "/v1/events/evt_x", "/v1/events/we_01", "/v1/events/a%00b"]
)
def test_what_is_not_there_is_a_problem_document_and_never_html(api, path):
    assert _code(api.get(path, Accept="text/html"), 404) == "not_found"


def test_a_given_request_id_comes_back_and_a_bad_one_is_replaced(api):
    assert api.get("/v1/events", **{"X-Request-Id": "abc-1"})["X-Request-Id"] == "abc-1"
    replaced = api.get("/v1/events", **{"X-Request-Id": "a b\n"})["X-Request-Id"]
    assert replaced.startswith("req_")
