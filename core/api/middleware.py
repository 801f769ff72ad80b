"""Gives every request an id and answers in kind, outermost of all."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from core import requests
from core.api import problems
from core.errors import NotFound
from core.ids import encode_id, new_uuid

HEADER = "X-Request-Id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestIdMiddleware:
    """Takes a well-formed X-Request-Id or makes one; logs, events and problems carry it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        request_id = given if _ACCEPTED.fullmatch(given) else encode_id("req", new_uuid())
        with requests.serving(request_id):
            response = self._answer(request)
        response[HEADER] = request_id
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase | HttpResponse:
        if "\x00" in request.path:  # no row can have such a name, and PostgreSQL refuses the query
            return problems.answer(NotFound(), instance="/")
        return self._get_response(request)
