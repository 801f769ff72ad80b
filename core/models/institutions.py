"""Institutions (the tenants) and the people who act for them."""

from django.conf import settings
from django.db import models

from core.rows import PublicRow


class InstitutionStatus(models.TextChoices):
    """Whether an institution may use the API."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


class Institution(PublicRow):
    """A tenant: an authorised participant, broker or exchange that calls the API."""

    PREFIX = "inst"
    OBJECT = "institution"

    name = models.CharField(max_length=200, unique=True)
    country = models.CharField(max_length=2)
    lei = models.CharField(max_length=20, blank=True)
    status = models.CharField(
        max_length=16, choices=InstitutionStatus, default=InstitutionStatus.ACTIVE
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="institution_status_known",
                condition=models.Q(status__in=InstitutionStatus.values),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def institution_id(self) -> object:
        """The tenant an event about this row belongs to: itself."""
        return self.id


class Member(PublicRow):
    """A person who acts for an institution."""

    PREFIX = "mem"
    OBJECT = "member"

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="members")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="member"
    )
    email = models.EmailField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="member_email_once", fields=["institution", "email"]),
        ]
