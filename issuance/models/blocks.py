"""Blocks as the follower saw them: recent heads, reorganisations, and what vanished with them."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from issuance.states import RewindStatus


class BlockHead(models.Model):
    """The block a network had at one height when the follower last looked.

    Heights above ``final`` ones may be replaced by a reorganisation; a final one never may. Heights
    far below finality are forgotten.
    """

    network = models.CharField(max_length=40)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=66)
    parent_hash = models.CharField(max_length=66)
    block_time = models.DateTimeField()
    final = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="block_head_once", fields=["network", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.network} {self.number} {self.hash}"


class Reorg(PublicRow):
    """One replacement of blocks that were seen before; append-only.

    ``depth`` counts the blocks that vanished, ``first_block`` is the lowest of them, with its hash
    before and after. ``transactions`` are the public ids of ours that those blocks held.
    """

    PREFIX = "rrg"
    OBJECT = "reorg"

    network = models.CharField(max_length=40)
    depth = models.PositiveIntegerField()
    first_block = models.BigIntegerField()
    old_hash = models.CharField(max_length=66)
    new_hash = models.CharField(max_length=66)
    below_finality = models.BooleanField(default=False)
    transactions = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(name="reorg_by_network", fields=["network", "-id"])]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A reorganisation concerns the issuer's own record."""
        return None


class Rewind(PublicRow):
    """A decision of two people to read a network's events again from a block on.

    ``block`` is the last one that stays as recorded.
    """

    PREFIX = "rwd"
    OBJECT = "rewind"

    network = models.CharField(max_length=40)
    block = models.BigIntegerField()
    reason = models.CharField(max_length=400)
    status = models.CharField(max_length=16, choices=RewindStatus, default=RewindStatus.PROPOSED)
    proposed_by = models.CharField(max_length=80)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="rewind_open_once",
                fields=["network"],
                condition=Q(status=RewindStatus.PROPOSED),
            ),
            models.CheckConstraint(
                name="rewind_status_known", condition=Q(status__in=RewindStatus.values)
            ),
            models.CheckConstraint(
                name="rewind_applied_by_another",
                condition=~Q(status=RewindStatus.APPLIED) | ~Q(decided_by=models.F("proposed_by")),
            ),
        ]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A rewind concerns the issuer's own record."""
        return None


class VanishedLog(models.Model):
    """A recorded event that the chain no longer has, found when its blocks were read again.

    ``back_at`` is set when a later reading found it after all. The event itself stays recorded.
    """

    log = models.OneToOneField(
        "issuance.TokenLog", on_delete=models.PROTECT, related_name="vanished"
    )
    seen_at = models.DateTimeField()
    back_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"vanished: {self.log_id}"
