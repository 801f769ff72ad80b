"""record() and record_many(): the only writers of events.

Inside the use case's transaction they take the institution's counter row, freeze the envelope's
bytes, chain their hash to the event before, and add one delivery row for every subscribed
webhook endpoint. Call them last: the counter row stays locked until commit.
"""

import hashlib
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from core import requests, subscriptions
from core.actors import Actor
from core.bulk import insert_many
from core.ids import encode_id, new_uuid
from core.lean import unsaved
from core.models import Event, EventStream
from core.rows import PublicRow

API_VERSION = "2026-12-01"
BODY_BYTES_MAX = 20_000
_ENVELOPES = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chain_hash(before: bytes, *, actor: str, body: bytes) -> bytes:
    """SHA-256 over the hash of the event before, who did it, and this event's bytes.

    The doer is chained but not in ``body``: receivers need not know the issuer's people.
    """
    return hashlib.sha256(before + actor.encode() + b"\0" + body).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What one event says; ``row`` as it is by now.

    ``data`` holds ids, states and quantities as JSON values: never personal data or secrets.
    """

    event_type: str
    row: PublicRow
    data: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] = field(default_factory=dict)

    @property
    def institution_id(self) -> uuid.UUID | None:
        """Whose stream it belongs to; None is the issuer's."""
        return self.row.institution_id  # type: ignore[attr-defined,no-any-return]


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
    happening = Happening(
        event_type=event_type, row=row, data=data or {}, previous=dict(previous or {})
    )
    (event,) = record_many([happening], actor=actor, now=now)
    return event


def record_many(happenings: Sequence[Happening], *, actor: Actor, now: datetime) -> list[Event]:
    """Append one event for each, in their order, and fan them out: what ``record`` does, in bulk.

    Each stream gets the bytes, sequences and hashes that as many calls of ``record`` would have
    written. All streams are locked at once and in one order, the issuer's last, so two batches
    over the same institutions queue up instead of waiting for each other.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() needs the use case's transaction")
    if not happenings:
        return []
    streams = _lock_streams({each.institution_id for each in happenings})
    telling = _Telling.of(streams, actor=actor, now=now)
    recorded = [
        _append(each, stream=streams[each.institution_id], telling=telling) for each in happenings
    ]
    insert_many(recorded)
    _advance(list(streams.values()))
    subscriptions.fan_out(events=recorded, now=now)
    return recorded


def of_change(
    *, row: PublicRow, before: str, event_type: str, data: Mapping[str, Any]
) -> Happening:
    """What ``move()`` and ``move_many()`` say of a status that they have just changed."""
    status: str = row.status  # type: ignore[attr-defined]
    return Happening(
        event_type=event_type or f"{row.OBJECT}.{status.lower()}",  # type: ignore[attr-defined]
        row=row,
        data=data,
        previous={"status": before.lower(), "version": row.version - 1},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """What every event of one batch has in common, written out once."""

    actor: str
    now: datetime
    created_at: str
    request_id: str
    institutions: Mapping[uuid.UUID | None, str | None]

    @classmethod
    def of(
        cls, streams: Mapping[uuid.UUID | None, EventStream], *, actor: Actor, now: datetime
    ) -> "_Telling":
        return cls(
            actor=str(actor),
            now=now,
            created_at=format_time(now),
            request_id=requests.current_id(),
            institutions={each: encode_id("inst", each) if each else None for each in streams},
        )


def _append(happening: Happening, *, stream: EventStream, telling: _Telling) -> Event:
    """The stream's next event, unsaved; the stream in memory moves on with it."""
    event_id, row, institution_id = new_uuid(), happening.row, happening.institution_id
    stream.last_sequence += 1
    body = _freeze(
        {
            "id": encode_id(Event.PREFIX, event_id),
            "object": "event",
            "type": happening.event_type,
            "api_version": API_VERSION,
            "created_at": telling.created_at,
            "sequence": stream.last_sequence,
            "institution_id": telling.institutions[institution_id],
            "request_id": telling.request_id,
            "data": {
                "object": _describe(row, happening.data),
                "previous": dict(happening.previous),
            },
        }
    )
    stream.last_hash = chain_hash(bytes(stream.last_hash), actor=telling.actor, body=body)
    return unsaved(
        Event,
        {
            "id": event_id,
            "version": 1,
            "created_at": telling.now,
            "stream_id": stream.pk,
            "institution_id": institution_id,
            "sequence": stream.last_sequence,
            "type": happening.event_type,
            "object_type": row.OBJECT,  # type: ignore[attr-defined]
            "object_id": row.pk,
            "actor": telling.actor,
            "request_id": telling.request_id,
            "body": body,
            "hash": stream.last_hash,
        },
    )


def _freeze(envelope: Mapping[str, Any]) -> bytes:
    body = _ENVELOPES.encode(envelope).encode()
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"{envelope['type']} is {len(body)} bytes; at most {BODY_BYTES_MAX}")
    return body


def _lock_streams(
    institution_ids: Collection[uuid.UUID | None],
) -> dict[uuid.UUID | None, EventStream]:
    streams = _locked(institution_ids)
    missing = [each for each in institution_ids if each not in streams]
    if missing:
        EventStream.objects.bulk_create(
            [EventStream(institution_id=each) for each in missing], ignore_conflicts=True
        )
        streams = _locked(institution_ids)
    return streams


def _locked(
    institution_ids: Collection[uuid.UUID | None],
) -> dict[uuid.UUID | None, EventStream]:
    wanted = Q(institution__in=[each for each in institution_ids if each is not None])
    if None in institution_ids:
        wanted |= Q(institution__isnull=True)
    # A null sorts last: whoever needs the issuer's stream too takes it after every other.
    rows = EventStream.objects.select_for_update(no_key=True).order_by("institution_id")
    return {stream.institution_id: stream for stream in rows.filter(wanted)}


def _advance(streams: Sequence[EventStream]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_eventstream AS stream"
            " SET last_sequence = ahead.sequence, last_hash = ahead.hash"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS ahead (id, sequence, hash)"
            " WHERE stream.id = ahead.id",
            [
                [stream.pk for stream in streams],
                [stream.last_sequence for stream in streams],
                [bytes(stream.last_hash) for stream in streams],
            ],
        )


def _describe(row: PublicRow, data: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"object": row.OBJECT, "id": row.public_id}  # type: ignore[attr-defined]
    status = getattr(row, "status", None)
    if status is not None:
        described["status"] = str(status).lower()
    return described | {"version": row.version} | dict(data)
