"""What the policy engine decided, on which text and which facts, and what was excepted."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.bulk import insert_many
from core.crypto import EncryptedBinary
from core.models import Institution
from core.rows import PublicRow
from kyc.models.investors import ACTOR_LENGTH_MAX, REASON_LENGTH_MAX, Investor
from kyc.states import Action, OverrideKind, OverrideStatus


class PolicyVersion(models.Model):
    """The canonical bytes of one version of one policy, kept for ever under their SHA-256."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=60)
    number = models.PositiveIntegerField()
    body = models.BinaryField()
    registered_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Decision(PublicRow):
    """One answer of the engine; append-only, and replayable byte for byte.

    ``snapshot`` is everything the engine was given and ``body`` everything it answered, both as
    canonical JSON. ``policy_versions`` may hold unsaved rows: they are stored with the decision.
    """

    PREFIX = "dec"
    OBJECT = "decision"

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="decisions")
    action = models.CharField(max_length=20, choices=Action)
    trigger = models.CharField(max_length=40)
    effect = models.CharField(max_length=10)
    as_of = models.DateTimeField()
    policies = ArrayField(models.CharField(max_length=64))
    fired = models.JSONField()
    unknown = ArrayField(models.CharField(max_length=60))
    snapshot = EncryptedBinary()
    snapshot_sha256 = models.CharField(max_length=64)
    body = EncryptedBinary()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="decision_effect_known",
                condition=Q(
                    effect__in=["ALLOW", "CONDITIONS", "REVIEW", "EXIT_ONLY", "DENY", "FREEZE"]
                ),
            ),
        ]
        indexes = [models.Index(name="decision_by_effect", fields=["effect"])]

    policy_versions: Sequence[PolicyVersion] = ()

    def save(self, **options: Any) -> None:  # noqa: ANN401 - Django's own options
        """Store the decision and, first, any policy text the database has not seen yet."""
        store_policy_versions(self.policy_versions)
        super().save(**options)


class Override(PublicRow):
    """Two people's leave from one named rule for one investor, with evidence and an end."""

    PREFIX = "ovr"
    OBJECT = "override"

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="overrides")
    rule = models.CharField(max_length=60)
    kind = models.CharField(max_length=9, choices=OverrideKind)
    status = models.CharField(max_length=8, choices=OverrideStatus, default=OverrideStatus.PROPOSED)
    # {proof name: document number, authority, date}; REVIEWED needs none.
    evidence = models.JSONField(default=dict)
    # REVIEWED: hash of the facts the rule saw; another fact makes the rule speak again.
    facts_sha256 = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=REASON_LENGTH_MAX)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    proposed_by = models.CharField(max_length=ACTOR_LENGTH_MAX)
    approved_by = models.CharField(max_length=ACTOR_LENGTH_MAX, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="override_maker_is_not_checker",
                condition=Q(approved_by="") | ~Q(approved_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="override_active_by_two",
                condition=~Q(status=OverrideStatus.ACTIVE)
                | (~Q(approved_by="") & ~Q(proposed_by="")),
            ),
            models.CheckConstraint(
                name="override_valid_forwards", condition=Q(valid_to__gt=F("valid_from"))
            ),
        ]

    @property
    def institution_id(self) -> object:
        """The tenant this row belongs to."""
        return self.investor.institution_id


def store_policy_versions(versions: Iterable[PolicyVersion]) -> None:
    """Store those policy texts whose hash the database does not hold yet."""
    wanted = {version.sha256: version for version in versions}
    known = PolicyVersion.objects.filter(sha256__in=wanted).values_list("sha256", flat=True)
    missing = [wanted[sha256] for sha256 in wanted.keys() - set(known)]
    if missing:
        PolicyVersion.objects.bulk_create(missing, ignore_conflicts=True)


def store_decisions(decisions: Sequence[Decision]) -> None:
    """Store many decisions as ``save`` stores one, in two statements."""
    store_policy_versions(each for row in decisions for each in row.policy_versions)
    insert_many(decisions)
