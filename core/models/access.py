"""API keys and the idempotency keys of their requests."""

from django.db import models

from core.crypto import EncryptedBinary
from core.models.institutions import Institution
from core.rows import PublicRow


class ApiKey(PublicRow):
    """One credential of an institution. The secret is shown once and only its digest is kept."""

    PREFIX = "key"
    OBJECT = "api_key"

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    kid = models.CharField(max_length=10, unique=True)
    digest = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    scopes = models.JSONField(default=list)
    allowed_networks = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=16, default="ACTIVE")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=80)
    replaces = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="replaced_by"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="api_key_status_known",
                condition=models.Q(status__in=["ACTIVE", "REVOKED"]),
            ),
        ]


class IdempotencyKey(models.Model):
    """The stored answer to one keyed request, written in the transaction of its effect."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    request_id = models.CharField(max_length=128)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=80)
    location = models.CharField(max_length=200, blank=True)
    # A stored answer may hold a secret that is shown once.
    body = EncryptedBinary()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="idempotency_key_once", fields=["institution", "key"]),
        ]

    def __str__(self) -> str:
        return self.key
