"""What every API view is made of: a caller, scopes, strict input, keyed effects and pages."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from core import doorbell, ids
from core.actors import Actor
from core.api import idempotency
from core.api.authentication import BearerAuthentication, Caller, HasScope
from core.api.errors import ApiVersionUnknown, Unauthenticated, VersionRequired
from core.api.idempotency import Answer, KeyedRequest, Replay
from core.api.pagination import take_page
from core.api.parsers import StrictJsonParser
from core.api.serializers import StrictSerializer
from core.errors import NotFound, VersionMismatch
from core.events import API_VERSION

T = TypeVar("T")
Show = type[serializers.BaseSerializer[Any]] | Callable[[Any], Mapping[str, Any]]
_CREATED = 201


class OnlyJson(BaseContentNegotiation):
    """Answers JSON whatever Accept says; parses only what the parsers accept."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser | None:  # type: ignore[override]
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        return next(iter(renderers)), "application/json"


class ApiView(APIView):
    """Deny by default: a view names a scope per method, or says ``public = True``.

    ``keyed`` false is for a POST without effect, such as a preview.
    """

    scopes: ClassVar[Mapping[str, str]] = {}
    public: ClassVar[bool] = False
    keyed: ClassVar[bool] = True

    http_method_names = ["get", "head", "post", "patch", "delete"]
    authentication_classes = [BearerAuthentication]
    permission_classes = [HasScope]
    parser_classes = [StrictJsonParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJson

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse a version we do not speak before anything else is looked at."""
        if request.headers.get("Sharemint-Version", API_VERSION) != API_VERSION:
            raise ApiVersionUnknown(f"This API speaks {API_VERSION}.")
        super().initial(request, *args, **kwargs)

    @cached_property
    def now(self) -> datetime:
        """The one instant this request is served at."""
        return timezone.now()

    @property
    def caller(self) -> Caller:
        """The authenticated caller. Raises Unauthenticated on a public view without a key."""
        caller: object = self.request.auth
        if not isinstance(caller, Caller):
            raise Unauthenticated
        return caller

    @property
    def institution_id(self) -> uuid.UUID:
        """The caller's institution: every query is scoped to it."""
        return self.caller.institution_id

    @property
    def actor(self) -> Actor:
        """Who events name as the doer."""
        return self.caller.actor

    def body(self, shape: type[serializers.BaseSerializer[Any]]) -> dict[str, Any]:
        """The validated body. Raises DRF's ValidationError or a RequestError."""
        if self.keyed and self.request.method == "POST":
            idempotency.read_key(self.request.headers.get(idempotency.HEADER, ""))
        serializer = shape(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def empty_body(self) -> None:
        """For a POST that says everything in its path: an empty body or ``{}``."""
        self.body(StrictSerializer)

    def query(self, shape: type[serializers.BaseSerializer[Any]]) -> dict[str, Any]:
        """The validated query string."""
        serializer = shape(data=self.request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def effect(
        self, call: Callable[[], T], *, show: Show, status: int = _CREATED, ring: str = ""
    ) -> HttpResponse:
        """Run one use case under the request's Idempotency-Key and answer what ``show`` renders.

        ``ring`` names the Celery task that may start at once; losing the ring costs one beat.
        """

        def render(result: object) -> Answer:
            payload = render_one(show, result)
            location = ""
            if status == _CREATED and "id" in payload:
                location = f"{self.request.path}/{payload['id']}"
            return Answer(status, dump(payload), location=location)

        if self.request.method != "POST" or not self.keyed:
            return self.respond(render(call()), ring=ring)
        claim = self._claim(render)
        try:
            with idempotency.announced(claim):
                call()
        except Replay as replay:
            response = self.respond(replay.answer)
            response["Idempotency-Replayed"] = "true"
            return response
        if claim.answer is None:
            raise RuntimeError("the call ran no use case, so nothing was stored")
        return self.respond(claim.answer, ring=ring)

    def show(self, row: object, *, show: Show) -> HttpResponse:
        """Answer one object, with its version as ETag."""
        payload = render_one(show, row)
        etag = f'"{payload["version"]}"' if "version" in payload else ""
        if etag and self.request.headers.get("If-None-Match") == etag:
            response = HttpResponse(status=304)
        else:
            response = self.respond(Answer(200, dump(payload)))
        if etag:
            response["ETag"] = etag
        return response

    def page(
        self, rows: QuerySet[Model], *, query: Mapping[str, Any], show: Show, shared: bool = False
    ) -> HttpResponse:
        """Answer one page of rows; ``query`` comes from ``self.query(PageQuery)``.

        ``shared`` is for lists that are the same for every institution.
        """
        scope = self.request.path if shared else f"{self.request.path} {self.institution_id}"
        page = take_page(rows, query=query, scope=scope)
        payload = {
            "object": "list",
            "data": [render_one(show, row) for row in page.rows],
            "has_more": page.next_page_token is not None,
            "next_page_token": page.next_page_token,
        }
        return self.respond(Answer(200, dump(payload)))

    def expected_version(self) -> int:
        """The version in If-Match. Raises VersionRequired or VersionMismatch."""
        header = self.request.headers.get("If-Match", "")
        if not header:
            raise VersionRequired
        text = header.strip('"')
        if not text.isascii() or not text.isdecimal():
            raise VersionMismatch
        return int(text)

    def respond(self, answer: Answer, *, ring: str = "") -> HttpResponse:
        """The response of these very bytes; ``ring`` names a task that may start at once."""
        if ring:
            doorbell.ring(ring)
        response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
        if answer.location:
            response["Location"] = answer.location
        response["Cache-Control"] = "no-store"
        response["Sharemint-Version"] = API_VERSION
        return response

    def _claim(self, render: Callable[[object], Answer]) -> KeyedRequest:
        return KeyedRequest(
            institution_id=self.institution_id,
            key=idempotency.read_key(self.request.headers.get(idempotency.HEADER, "")),
            fingerprint=idempotency.fingerprint(
                method=str(self.request.method),
                path=self.request.get_full_path(),
                body=dict(self.request.data),
            ),
            instance=self.request.path,
            now=self.now,
            render=render,
        )


def render_one(show: Show, row: object) -> Mapping[str, Any]:
    """The JSON members of one object, by serializer class or plain function."""
    if isinstance(show, type):
        return dict(show(row).data)
    return show(row)


def dump(payload: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def path_id(prefix: str, text: str) -> uuid.UUID:
    """The uuid of an id in a path. Raises NotFound for anything else, without saying why."""
    try:
        return ids.decode_id(prefix, text)
    except ids.IdInvalid as broken:
        raise NotFound from broken
