"""Keyset pages: newest first, a signed mark of the position, no totals, no skipped rows."""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.crypto import salted_hmac
from rest_framework import serializers

from core.api.errors import PageTokenMismatch
from core.api.serializers import QuerySerializer

LIMIT_DEFAULT = 25
LIMIT_MAX = 100
_SALT = "core.api.pagination"
_MAC_BYTES = 16
_UUID_BYTES = 16
_MARK_BYTES = _UUID_BYTES * 2 + _MAC_BYTES
_PAGE_FIELDS = frozenset({"limit", "page_token", "order"})
Row = TypeVar("Row", bound=Model)


class PageQuery(QuerySerializer):
    """What every list takes; a list with filters extends it."""

    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_DEFAULT)
    page_token = serializers.CharField(max_length=200, required=False)
    order = serializers.ChoiceField(["asc", "desc"], default="desc")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows and the mark of the next."""

    rows: list[Any]
    next_page_token: str | None


def take_page(rows: QuerySet[Row], *, query: Mapping[str, Any], scope: str) -> Page:
    """The page that ``query`` asks for, ordered by the rows' UUIDv7 keys.

    ``scope`` names path and institution: a mark from another list or with other filters is
    refused. Raises PageTokenMismatch.
    """
    bound = _filter_hash(query, scope)
    newest_first = query["order"] == "desc"
    if query.get("page_token"):
        position = _read(query["page_token"], bound)
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": position})
    limit: int = query["limit"]
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], _write(found[limit - 1].pk, bound))


def _filter_hash(query: Mapping[str, Any], scope: str) -> bytes:
    filters = {name: value for name, value in query.items() if name not in _PAGE_FIELDS}
    text = json.dumps([scope, query["order"], filters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()[:_UUID_BYTES]


def _mac(payload: bytes) -> bytes:
    return salted_hmac(_SALT, payload, algorithm="sha256").digest()[:_MAC_BYTES]


def _write(position: uuid.UUID, bound: bytes) -> str:
    payload = position.bytes + bound
    return base64.urlsafe_b64encode(payload + _mac(payload)).decode().rstrip("=")


def _read(text: str, bound: bytes) -> uuid.UUID:
    try:
        mark = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as broken:
        raise PageTokenMismatch from broken
    payload, mac = mark[:-_MAC_BYTES], mark[-_MAC_BYTES:]
    if len(mark) != _MARK_BYTES or not hmac.compare_digest(mac, _mac(payload)):
        raise PageTokenMismatch
    if payload[_UUID_BYTES:] != bound:
        raise PageTokenMismatch
    return uuid.UUID(bytes=payload[:_UUID_BYTES])
