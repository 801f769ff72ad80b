"""Checking the event log: no sequence missing, no byte changed since it was recorded."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.events import chain_hash
from core.models import Event, EventStream

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Flaw:
    """One place where the log is not what was recorded."""

    stream_id: int
    sequence: int
    what: str


def flaws() -> Iterator[Flaw]:
    """Walk every stream from its first event; yields nothing when the log is whole."""
    for stream in EventStream.objects.order_by("pk"):
        yield from _flaws_of(stream)


def _flaws_of(stream: EventStream) -> Iterator[Flaw]:
    expected, before = 1, b""
    rows = Event.objects.filter(stream=stream, sequence__lte=stream.last_sequence)
    for event in rows.order_by("sequence").iterator(_BATCH):
        if event.sequence != expected:
            yield Flaw(stream.pk, expected, "missing")
        if chain_hash(before, actor=event.actor, body=bytes(event.body)) != bytes(event.hash):
            yield Flaw(stream.pk, event.sequence, "changed")
        expected, before = event.sequence + 1, bytes(event.hash)
    if expected != stream.last_sequence + 1 or before != bytes(stream.last_hash):
        yield Flaw(stream.pk, stream.last_sequence, "end does not match the counter")
