"""A tenant with a key, and a client that speaks JSON for it."""

import json
import secrets

import pytest
from django.test import Client
from django.utils import timezone

from core import scopes, services
from core.actors import system


class ApiClient:
    """An institution at work: bearer key, fresh Idempotency-Key per POST unless told."""

    def __init__(self, institution, issued):
        self.institution = institution
        self.issued = issued
        self.http = Client(raise_request_exception=False)

    def get(self, path, query=None, **headers):
        return self.http.get(path, query or {}, headers=self._headers(headers))

    def post(self, path, body=None, *, raw=None, content_type="application/json", **headers):
        headers.setdefault("Idempotency-Key", secrets.token_hex(8))
        data = raw if raw is not None else json.dumps({} if body is None else body)
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.http.post(path, data, content_type, headers=self._headers(headers))

    def patch(self, path, body, **headers):
        return self.http.patch(
            path, json.dumps(body), "application/json", headers=self._headers(headers)
        )

    def delete(self, path, **headers):
        return self.http.delete(path, headers=self._headers(headers))

    def _headers(self, headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.issued.text}", **given}


def make_institution(name="Alpine Bank"):
    return services.create_institution(
        name=name, country="CH", actor=system("test"), now=timezone.now()
    )


def make_client(institution, **options):
    options.setdefault("granted", scopes.known())
    issued = services.issue_api_key(
        institution_id=institution.pk,
        name="test",
        actor=system("test"),
        now=timezone.now(),
        **options,
    )
    return ApiClient(institution, issued)


@pytest.fixture
def institution(db):  # noqa: ARG001 - asked for its effect
    return make_institution()


@pytest.fixture
def client_for(db):  # noqa: ARG001 - asked for its effect
    """Make a client: of a new institution by name, or of a given one with other key options."""

    def make(name="Alpine Bank", *, institution=None, **options):
        return make_client(institution or make_institution(name), **options)

    return make


@pytest.fixture
def api(client_for):
    return client_for()
