"""The API document, the error list, the probes, and the rule that no view is open by accident."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.urls import URLPattern, get_resolver
from openapi_spec_validator import validate
from rest_framework.views import APIView

from core import scopes
from core.api import document
from core.api.document import error_codes, error_kinds
from core.api.views import ApiView
from core.management.commands import document_api, document_errors

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = {"Live", "Ready", "OpenApi", "Docs", "ErrorDocs", "Reserves"}


def _views(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.callback.view_class  # type: ignore[attr-defined]
        else:
            yield from _views(pattern.url_patterns)


API_VIEWS = sorted(
    set(_views(get_resolver("config.urls.api").url_patterns)), key=lambda v: v.__name__
)


@pytest.mark.parametrize("view", API_VIEWS, ids=lambda view: view.__name__)
def test_every_view_names_a_known_scope_or_is_meant_to_be_public(view):
    assert issubclass(view, ApiView)
    methods = {m.upper() for m in view.http_method_names if hasattr(view, m)} - {"HEAD"}
    assert methods
    if view.public:
        assert view.__name__ in PUBLIC
        assert methods == {"GET"}
        return
    assert set(view.scopes) == methods
    assert set(view.scopes.values()) <= scopes.known()
    assert view.permission_classes == ApiView.permission_classes
    assert view.authentication_classes == ApiView.authentication_classes


def test_a_view_without_a_scope_is_denied(api, rf):
    class Forgotten(ApiView):
        def get(self, request):
            raise AssertionError("reached")

    request = rf.get("/v1/x", headers={"Authorization": f"Bearer {api.issued.text}"})
    response = Forgotten.as_view()(request)
    assert response.status_code == 403
    assert issubclass(Forgotten, APIView)


def test_the_document_is_valid_openapi_3_1():
    described = json.loads(document.document())
    validate(described)
    assert described["openapi"] == "3.1.1"
    assert "event" in described["webhooks"]


def test_every_operation_declares_problems_scopes_and_keys():
    described = json.loads(document.document())
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert "application/problem+json" in operation["responses"]["default"]["content"], where
            assert "security" in operation, where
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            if method == "post" and not path.endswith("/preview"):
                assert "Idempotency-Key" in names, where
            assert operation.get("summary"), where


def test_the_committed_document_is_current():
    assert document_api.PATH.read_bytes() == document.document()


def test_making_the_document_warns_of_nothing():
    made = subprocess.run(
        [sys.executable, "manage.py", "document_api", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Warning" not in made.stderr
    assert "Error" not in made.stderr


def test_the_list_of_errors_is_current():
    assert document_errors.PATH.read_text() == document_errors.text()


def test_error_codes_are_public_names_with_one_meaning_of_retry():
    for kind in error_kinds():
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,60}", kind.code), kind
        assert 400 <= kind.status < 600, kind
        assert kind.title.endswith("."), kind
    by_code: dict[str, set[bool]] = {}
    for kind in error_kinds():
        by_code.setdefault(kind.code, set()).add(kind.retryable)
    assert {code for code, kinds in by_code.items() if len(kinds) > 1} == set()
    assert len(error_codes()) == len(by_code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/openapi.json", "application/json"),
        ("/v1/docs", "text/html"),
        ("/v1/docs/errors", "text/html"),
        ("/livez", "application/json"),
        ("/readyz", "application/json"),
    ],
)
def test_public_pages_answer_without_a_key(client, path, kind):
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"].startswith(kind)
    if kind == "text/html":
        assert "default-src 'none'" in response["Content-Security-Policy"]
        text = response.content.decode()
        assert not re.search(r'(src|href)="(https?:)?//', text)
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_the_type_of_a_problem_leads_to_its_row(client, db):  # noqa: ARG001 - asked for its effect
    problem = client.get("/v1/nothing").json()
    path, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in client.get(path).content.decode()


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client):
    from core.api import health  # noqa: PLC0415 - its cache is what the test is about

    health._require_migrated.cache_clear()
    with connection.cursor() as cursor:
        # The newest: what a database lacks that was left behind by a release.
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'core'"
            " AND name = (SELECT max(name) FROM django_migrations WHERE app = 'core')"
        )
    response = client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    health._require_migrated.cache_clear()
