"""The append-only event log: the audit trail and the only source of webhooks."""

from django.db import models
from django.db.models import Q

from core.models.institutions import Institution
from core.rows import PublicRow


class EventStream(models.Model):
    """The counter row of one institution, or of the issuer when ``institution`` is null.

    Its row lock orders the events of the stream by commit, so ``sequence`` has no gap.
    """

    institution = models.OneToOneField(
        Institution, null=True, on_delete=models.PROTECT, related_name="event_stream"
    )
    last_sequence = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(max_length=32, default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="event_stream_one_issuer",
                fields=["institution"],
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"stream of {self.institution_id or 'the issuer'}"


class Event(PublicRow):
    """One recorded fact. ``body`` is frozen: webhook, feed and replay send these very bytes."""

    PREFIX = "evt"
    OBJECT = "event"

    # Without a constraint of its own: record_many, the only writer, holds the stream's row locked, and
    # that row refers to the institution. Each check would lock the same few rows at every commit.
    stream = models.ForeignKey(
        EventStream,
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,  # event_sequence_once leads with it
        db_constraint=False,
    )
    # Asked by stream or by object.
    institution = models.ForeignKey(
        Institution, null=True, on_delete=models.PROTECT, db_index=False, db_constraint=False
    )
    sequence = models.BigIntegerField()
    type = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.UUIDField(db_index=True)
    actor = models.CharField(max_length=80)
    request_id = models.CharField(max_length=128, blank=True)
    body = models.BinaryField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="event_sequence_once", fields=["stream", "sequence"]),
        ]
        indexes = [
            # Looked for every few seconds, to tell institutions of a halt; hardly any event is one.
            models.Index(
                name="event_of_breaker",
                fields=["created_at"],
                condition=Q(type__in=["breaker.opened", "breaker.closed"]),
            ),
        ]
