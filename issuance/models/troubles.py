"""What kept a piece of the pipeline's work from being done, for as long as it does."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q

from issuance.models.positions import ChainCursor
from issuance.states import Work

# Work is tried every few seconds: what was not seen for so long is over.
LAPSE = timedelta(minutes=2)


class Trouble(models.Model):
    """One piece of work that fails: ``work`` on ``network``, for the token of symbol ``subject``.

    ``subject`` is empty where the work concerns the whole network, ``network`` where it concerns all. ``ours`` says that our own code
    or books refused, not a node or a signer. A row that is not seen again for ``LAPSE`` is over;
    the next trouble of the same work begins it anew.
    """

    work = models.CharField(max_length=20, choices=Work)
    network = models.CharField(max_length=40)
    subject = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=60)
    note = models.CharField(max_length=200, blank=True)
    ours = models.BooleanField(default=False)
    times = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="trouble_once", fields=["work", "network", "subject"]),
        ]

    def __str__(self) -> str:
        return f"{self.work} {self.network} {self.subject}: {self.code}"

    @classmethod
    def now_on(cls, *, network: str, now: datetime) -> "models.QuerySet[Trouble]":
        """What fails on a network now; a record that has moved since is on its way again."""
        cursors = ChainCursor.objects.filter(
            token__network=network,
            token__symbol=OuterRef("subject"),
            moved_at__gt=OuterRef("seen_at"),
        )
        rows = cls.objects.filter(network__in=[network, ""], seen_at__gt=now - LAPSE)
        moved_on = Q(work=Work.FOLLOW) & Exists(cursors)
        return rows.exclude(moved_on).order_by("work", "subject")
