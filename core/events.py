"""record(): the only writer of events.

Inside the use case's transaction it takes the institution's counter row, freezes the envelope's
bytes, chains their hash to the event before, and adds one delivery row for every subscribed
webhook endpoint. Call it last: the counter row stays locked until commit.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from core import requests, subscriptions
from core.actors import Actor
from core.ids import encode_id, new_uuid
from core.models import Event, EventStream
from core.rows import PublicRow

API_VERSION = "2026-12-01"
BODY_BYTES_MAX = 20_000


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chain_hash(before: bytes, *, actor: str, body: bytes) -> bytes:
    """SHA-256 over the hash of the event before, who did it, and this event's bytes.

    The doer is chained but not in ``body``: receivers need not know the issuer's people.
    """
    return hashlib.sha256(before + actor.encode() + b"\0" + body).digest()


def record(
    *,
    event_type: str,
    row: PublicRow,
    actor: Actor,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event about ``row`` and fan it out.

    ``data`` holds ids, states and quantities as JSON values: never personal data or secrets.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() needs the use case's transaction")
    institution_id: uuid.UUID | None = row.institution_id  # type: ignore[attr-defined]
    stream = _lock_stream(institution_id)
    event_id = new_uuid()
    sequence = stream.last_sequence + 1
    body = _freeze(
        {
            "id": encode_id(Event.PREFIX, event_id),
            "object": "event",
            "type": event_type,
            "api_version": API_VERSION,
            "created_at": format_time(now),
            "sequence": sequence,
            "institution_id": encode_id("inst", institution_id) if institution_id else None,
            "request_id": requests.current_id(),
            "data": {"object": _describe(row, data or {}), "previous": dict(previous or {})},
        }
    )
    event = Event.objects.create(
        id=event_id,
        stream=stream,
        institution_id=institution_id,
        sequence=sequence,
        type=event_type,
        object_type=row.OBJECT,  # type: ignore[attr-defined]
        object_id=row.pk,
        actor=str(actor),
        request_id=requests.current_id(),
        body=body,
        hash=chain_hash(bytes(stream.last_hash), actor=str(actor), body=body),
        created_at=now,
    )
    _advance(stream, event)
    subscriptions.fan_out(event=event, now=now)
    return event


def record_change(
    *,
    row: PublicRow,
    before: str,
    event_type: str,
    actor: Actor,
    now: datetime,
    data: Mapping[str, Any],
) -> Event:
    """Append the event of a status change made by ``move()``."""
    status: str = row.status  # type: ignore[attr-defined]
    return record(
        event_type=event_type or f"{row.OBJECT}.{status.lower()}",  # type: ignore[attr-defined]
        row=row,
        actor=actor,
        now=now,
        data=data,
        previous={"status": before.lower(), "version": row.version - 1},
    )


def _freeze(envelope: Mapping[str, Any]) -> bytes:
    body = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"{envelope['type']} is {len(body)} bytes; at most {BODY_BYTES_MAX}")
    return body


def _lock_stream(institution_id: uuid.UUID | None) -> EventStream:
    streams = EventStream.objects.select_for_update(no_key=True)
    mine = Q(institution__isnull=True) if institution_id is None else Q(institution=institution_id)
    stream = streams.filter(mine).first()
    if stream is None:
        EventStream.objects.bulk_create(
            [EventStream(institution_id=institution_id)], ignore_conflicts=True
        )
        stream = streams.get(mine)
    return stream


def _advance(stream: EventStream, event: Event) -> None:
    stream.last_sequence = event.sequence
    stream.last_hash = event.hash
    stream.save(update_fields=["last_sequence", "last_hash"])


def _describe(row: PublicRow, data: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"object": row.OBJECT, "id": row.public_id}  # type: ignore[attr-defined]
    status = getattr(row, "status", None)
    if status is not None:
        described["status"] = str(status).lower()
    return described | {"version": row.version} | dict(data)
