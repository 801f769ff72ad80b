"""Changes of a token's rules that people have announced, so that the follower expects them."""

import uuid

from django.db import models

from core.rows import PublicRow


class Announcement(PublicRow):
    """One planned change: which kinds of event it may cause, until when, and why.

    Whatever is not announced and changes a token's rules halts the token.
    """

    PREFIX = "ann"
    OBJECT = "announcement"

    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="announcements"
    )
    kinds = models.JSONField()
    reason = models.CharField(max_length=400)
    announced_by = models.CharField(max_length=80)
    until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="announcement_by_token", fields=["token", "-until"])]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """An announcement is the issuer's own."""
        return None
