"""Rows the operators watch: breakers that halt work and the heartbeats of processes."""

from django.db import models

from core.rows import PublicRow


class Breaker(PublicRow):
    """A named halt. While OPEN, new work that asks for it is refused; tracking goes on."""

    PREFIX = "halt"
    OBJECT = "breaker"

    name = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=16, default="CLOSED")
    reason = models.CharField(max_length=400, blank=True)
    opened_by = models.CharField(max_length=80, blank=True)
    opened_at = models.DateTimeField(null=True)

    # Breakers belong to the issuer, not to a tenant.
    institution_id = None

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="halt_status_known", condition=models.Q(status__in=["OPEN", "CLOSED"])
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """The last sign of life of one process or beat task."""

    name = models.CharField(max_length=120, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name
