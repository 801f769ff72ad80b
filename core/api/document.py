"""The API describing itself: /v1/openapi.json, a docs page without a CDN, and the list of errors."""

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiWebhook, extend_schema
from rest_framework.request import Request

from core.api.idempotency import Answer
from core.api.shapes import EventOut
from core.api.views import ApiView
from core.errors import DomainError

# A page of documents may load what we serve ourselves and nothing else.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OWN_APPS = ("core", "kyc", "custody", "issuance")
# Programs and records rather than refusals.
_APART = {"management", "migrations", "sandbox"}

EVENT_WEBHOOK = OpenApiWebhook(
    name="event",
    decorator=extend_schema(
        summary="An event happened",
        description=(
            "POSTed to every enabled endpoint that subscribed to the type, signed as in Standard "
            "Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Delivery is at "
            "least once: `webhook-id` is the event's id and stays the same on every retry. Answer "
            "2xx within 15 seconds; 410 disables the endpoint."
        ),
        request=EventOut,
        responses={200: None},
        tags=["webhooks"],
    ),
)


class OpenApi(ApiView):
    """The OpenAPI 3.1 document."""

    public = True
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return self.respond(Answer(200, document()))


class Docs(ApiView):
    """The document as a page people can read and try."""

    public = True
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return _page(request, "core/docs.html", {})


class ErrorDocs(ApiView):
    """Every code; the ``type`` of a problem leads here."""

    public = True
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return _page(request, "core/errors.html", {"codes": error_codes()})


@cache
def document() -> bytes:
    """The OpenAPI document of this process, in the form that is committed."""
    generator = SchemaGenerator(urlconf="config.urls.api")  # type: ignore[no-untyped-call]
    schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One public code with all that can be meant by it."""

    code: str
    statuses: tuple[int, ...]
    meanings: tuple[str, ...]
    retryable: bool


def error_codes() -> list[ErrorCode]:
    """Every code the service can answer with, sorted."""
    by_code: dict[str, list[type[DomainError]]] = {}
    for kind in error_kinds():
        by_code.setdefault(kind.code, []).append(kind)
    return [
        ErrorCode(
            code=code,
            statuses=tuple(sorted({kind.status for kind in kinds})),
            meanings=tuple(sorted({kind.title for kind in kinds})),
            retryable=any(kind.retryable for kind in kinds),
        )
        for code, kinds in sorted(by_code.items())
    ]


def error_kinds() -> set[type[DomainError]]:
    """Every refusal of our apps with a code of its own; a class without one only groups others."""
    for app in OWN_APPS:
        package = import_module(app)
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            if not _APART & set(found.name.split(".")):
                import_module(found.name)
    return {kind for kind in _kinds(DomainError) if kind.__module__.split(".")[0] in OWN_APPS}


def _kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    if "code" in vars(kind):
        yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def _page(request: Request, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request._request, template, context)  # noqa: SLF001 - DRF offers no public way
    response["Content-Security-Policy"] = _CSP
    return response
