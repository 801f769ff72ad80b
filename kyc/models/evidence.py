"""What is known about an investor: facts with source and time, owners, documents, checks."""

from django.db import models
from django.db.models import Q

from core.crypto import EncryptedTextField
from core.rows import PublicRow
from kyc.models.investors import ACTOR_LENGTH_MAX, Investor
from kyc.states import CheckStatus

WHOLE_BPS = 10_000


class Fact(models.Model):
    """One thing a source said about an investor; append-only, corrected by superseding.

    ``value`` is canonical JSON, encrypted. Bitemporal: valid from/to is when it holds in the
    world, ``recorded_at`` when we learned it. Facts of different sources stand side by side.
    """

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="facts")
    name = models.CharField(max_length=40)
    value = EncryptedTextField()
    source = models.CharField(max_length=40)
    recorded_by = models.CharField(max_length=ACTOR_LENGTH_MAX)
    recorded_at = models.DateTimeField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    supersedes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="superseded_by"
    )

    class Meta:
        indexes = [models.Index(fields=["investor", "name"], name="fact_by_investor")]
        constraints = [
            models.CheckConstraint(
                name="fact_valid_forwards",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=models.F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} from {self.source}"


class Owner(PublicRow):
    """A beneficial owner of an entity. ``share_bps`` is ownership in basis points."""

    PREFIX = "own"
    OBJECT = "owner"

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="owners")
    name = EncryptedTextField()
    kind = models.CharField(max_length=8)
    country = models.CharField(max_length=6)
    nationality = models.CharField(max_length=2, blank=True)
    share_bps = models.PositiveIntegerField()
    controls = models.BooleanField(default=False)
    source = models.CharField(max_length=40)
    # Set when the ownership ended or was found wrong; the row itself stays as evidence.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="owner_share_at_most_whole", condition=Q(share_bps__lte=WHOLE_BPS)
            ),
        ]

    @property
    def institution_id(self) -> object:
        """The tenant this row belongs to."""
        return self.investor.institution_id


class Document(PublicRow):
    """A document's fingerprint; the file itself stays with the institution or the provider."""

    PREFIX = "doc"
    OBJECT = "document"

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=40)
    issuing_country = models.CharField(max_length=6)
    expires_on = models.DateField(null=True)
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="document_once", fields=["investor", "sha256"]),
        ]

    @property
    def institution_id(self) -> object:
        """The tenant this row belongs to."""
        return self.investor.institution_id


class Check(PublicRow):
    """One identity verification by a provider, and what came of it."""

    PREFIX = "chk"
    OBJECT = "check"

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="checks")
    provider = models.CharField(max_length=40)
    external_id = models.CharField(max_length=100)
    status = models.CharField(max_length=8, choices=CheckStatus, default=CheckStatus.PENDING)
    reason_code = models.CharField(max_length=60, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="check_once", fields=["provider", "external_id"]),
            models.CheckConstraint(
                name="check_status_known", condition=Q(status__in=CheckStatus.values)
            ),
        ]

    @property
    def institution_id(self) -> object:
        """The tenant this row belongs to."""
        return self.investor.institution_id
