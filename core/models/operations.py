"""Rows the operators watch: breakers that halt work and the heartbeats of processes."""

from django.db import models

from core.rows import PublicRow


def _empty_or_person(column: str) -> models.Q:
    return models.Q((column, "")) | models.Q((f"{column}__startswith", "operator:"))


class Breaker(PublicRow):
    """A named halt. While OPEN, new work that asks for it is refused; tracking goes on.

    ``reset_*`` is the latest proposal to close it: who asked, when, why, and the other person who
    agreed. The constraints keep one person from being both, and a process from being either.
    """

    PREFIX = "halt"
    OBJECT = "breaker"

    name = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=16, default="CLOSED")
    reason = models.CharField(max_length=400, blank=True)
    opened_by = models.CharField(max_length=80, blank=True)
    opened_at = models.DateTimeField(null=True)
    reset_proposed_by = models.CharField(max_length=80, blank=True)
    reset_proposed_at = models.DateTimeField(null=True)
    reset_reason = models.CharField(max_length=400, blank=True)
    reset_approved_by = models.CharField(max_length=80, blank=True)

    # Breakers belong to the issuer, not to a tenant.
    institution_id = None

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="halt_status_known", condition=models.Q(status__in=["OPEN", "CLOSED"])
            ),
            models.CheckConstraint(
                name="halt_reset_by_two",
                condition=models.Q(reset_approved_by="")
                | ~models.Q(reset_approved_by=models.F("reset_proposed_by")),
            ),
            models.CheckConstraint(
                name="halt_reset_by_people",
                condition=(_empty_or_person("reset_proposed_by"))
                & (_empty_or_person("reset_approved_by")),
            ),
            models.CheckConstraint(
                name="halt_closed_by_two",
                condition=models.Q(status="OPEN")
                | models.Q(opened_at=None)
                | ~(models.Q(reset_proposed_by="") | models.Q(reset_approved_by="")),
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
