"""Every error answer is an RFC 9457 problem document with a stable code, never HTML."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from core import requests
from core.api import errors
from core.errors import DomainError, NotFound
from core.outage import is_outage

CONTENT_TYPE = "application/problem+json"
DOCS_PATH = "/v1/docs/errors#"
_log = logging.getLogger(__name__)
_RETRY_AFTER_SECONDS = {409: 1, 503: 5}


class ValidationFailed(errors.RequestError):
    """Several fields at once; each is listed in ``errors``."""

    def __init__(self, failures: list[dict[str, str]]) -> None:
        super().__init__("See errors.")
        self.failures = failures
        codes = {failure["code"] for failure in failures}
        kinds = (errors.UnknownField, errors.QuantityInvalid)
        kind = next((kind for kind in kinds if kind.code in codes), errors.FieldInvalid)
        self.kind = kind


def document(refusal: DomainError, *, instance: str) -> bytes:
    """The problem document of one refusal."""
    kind = refusal.kind if isinstance(refusal, ValidationFailed) else type(refusal)
    problem: dict[str, Any] = {
        "type": f"{settings.PUBLIC_URL}{DOCS_PATH}{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": refusal.detail,
        "instance": instance,
        "code": kind.code,
        "retryable": kind.retryable,
        "request_id": requests.current_id(),
    }
    if isinstance(refusal, ValidationFailed):
        problem["errors"] = refusal.failures
    elif refusal.field:
        failure = {"pointer": refusal.field, "code": kind.code, "detail": refusal.detail}
        problem["errors"] = [failure]
    problem |= {name: value for name, value in refusal.extra.items() if name not in problem}
    return json.dumps(problem, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def answer(refusal: DomainError, *, instance: str) -> HttpResponse:
    """The HTTP response of one refusal."""
    response = HttpResponse(
        document(refusal, instance=instance), status=refusal.status, content_type=CONTENT_TYPE
    )
    if refusal.status == errors.Unauthenticated.status:
        response["WWW-Authenticate"] = 'Bearer realm="sharemint"'
    if refusal.retryable and refusal.status in _RETRY_AFTER_SECONDS:
        response["Retry-After"] = str(_RETRY_AFTER_SECONDS[refusal.status])
    response["Cache-Control"] = "no-store"
    return response


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler. None lets Django's 500 handler speak."""
    refusal = translate(exc)
    if refusal is None:
        return None
    response = answer(refusal, instance=context["request"].path)
    if isinstance(exc, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


_TRANSLATIONS: tuple[tuple[type[Exception], type[DomainError]], ...] = (
    (drf.ParseError, errors.MalformedJson),
    (drf.NotAuthenticated, errors.Unauthenticated),
    (drf.AuthenticationFailed, errors.Unauthenticated),
    (drf.PermissionDenied, errors.ScopeMissing),
    (drf.NotFound, NotFound),
    (drf.MethodNotAllowed, errors.MethodNotAllowed),
    (drf.UnsupportedMediaType, errors.UnsupportedMediaType),
    (drf.Throttled, errors.RateLimited),
)


def translate(exc: Exception) -> DomainError | None:
    """The refusal behind an exception, or None for a fault of ours."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, drf.ValidationError):
        return ValidationFailed(list(flatten(exc.detail)))
    for raised, refusal in _TRANSLATIONS:
        if isinstance(exc, raised):
            return refusal()
    return errors.DatabaseUnavailable() if is_outage(exc) else None


def flatten(detail: object, pointer: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested error details as a list of pointer, code and text."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else f"/{_escape(str(name))}"
            yield from flatten(inner, pointer + step)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            if inner:
                yield from flatten(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Django's 404 handler."""
    return answer(NotFound("There is nothing at this path."), instance=request.path)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Django's 400 handler, for instance an unknown Host."""
    return answer(errors.RequestError(), instance=request.path)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Django's 403 handler."""
    return answer(errors.ScopeMissing(), instance=request.path)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 handler, called while the exception is handled; Django has already logged it."""
    away = is_outage(sys.exc_info()[1])
    refusal = errors.DatabaseUnavailable() if away else errors.InternalError()
    return answer(refusal, instance=request.path)
