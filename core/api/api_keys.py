"""/v1/api-keys: what an institution may do with its own keys. Issuing is for operators."""

import uuid
from datetime import timedelta

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core import queries, services
from core.api.errors import ScopeMissing
from core.api.pagination import PageQuery
from core.api.shapes import ApiKeyOut, IssuedKeyOut, RotateIn
from core.api.views import ApiView, path_id
from core.services.api_keys import OVERLAP_DEFAULT


class ApiKeys(ApiView):
    scopes = {"GET": "api_keys:read"}

    @extend_schema(summary="List API keys", parameters=[PageQuery], responses=ApiKeyOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        rows = queries.api_keys(institution_id=self.institution_id)
        return self.page(rows, query=self.query(PageQuery), show=ApiKeyOut)


class ApiKeyRotate(ApiView):
    scopes = {"POST": "api_keys:rotate"}

    @extend_schema(
        summary="Rotate an API key",
        description=(
            "Makes a key with the same rights. The old one works until the overlap ends. A key "
            "rotates itself and keys that may do no more than it."
        ),
        request=RotateIn,
        responses={201: IssuedKeyOut},
    )
    def post(self, request: Request, key_id: str) -> HttpResponse:
        body = self.body(RotateIn)
        self._require_own_rights(path_id("key", key_id))
        overlap = timedelta(
            seconds=body.get("overlap_seconds", int(OVERLAP_DEFAULT.total_seconds()))
        )
        return self.effect(
            lambda: services.rotate_api_key(
                institution_id=self.institution_id,
                key_id=path_id("key", key_id),
                overlap=overlap,
                actor=self.actor,
                now=self.now,
            ),
            show=IssuedKeyOut,
        )

    def _require_own_rights(self, key_id: uuid.UUID) -> None:
        """Whoever rotates a key sees the new one: it may not open more than the caller's own."""
        asked = queries.api_keys(institution_id=self.institution_id).filter(pk=key_id).first()
        own = self.caller.key
        if asked is None or asked.pk == own.pk:
            return
        missing = set(asked.scopes) - self.caller.scopes
        if missing or own.allowed_networks not in ([], asked.allowed_networks):
            raise ScopeMissing("A key rotates itself and keys that may do no more than it.")
