"""Funds (one ETF each) and the identifiers the market knows them by."""

from django.db import models
from django.db.models import F, Q

from core import history
from core.rows import PublicRow
from core.units import UNITS_PER_WHOLE, UnitsField
from custody.states import FundStatus

# Stands where a history's mark would; no history has it.
IN_DOUBT = "in doubt"


class Fund(PublicRow):
    """One spot-BTC ETF whose shares back tokens.

    ``quantity_step`` is the smallest quantity, in units, that can be deposited or delivered.
    ``thaw_proposed_by`` names the first of the two people who lift a freeze. ``history_mark`` is the
    history of the database in which issuance last vouched that the books tell every token of the
    fund, IN_DOUBT while it does not, and empty before there was a token.
    """

    PREFIX = "fund"
    OBJECT = "fund"

    symbol = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    sponsor = models.CharField(max_length=80)
    domicile = models.CharField(max_length=2, default="US")
    currency = models.CharField(max_length=3, default="USD")
    fee_bps = models.PositiveSmallIntegerField()
    quantity_step = UnitsField(default=UNITS_PER_WHOLE // 10**9)
    status = models.CharField(max_length=8, choices=FundStatus, default=FundStatus.ACTIVE)
    freeze_reason = models.CharField(max_length=200, blank=True)
    thaw_proposed_by = models.CharField(max_length=80, blank=True)
    history_mark = models.CharField(max_length=history.MARK_LENGTH, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="fund_status_known", condition=Q(status__in=FundStatus.values)
            ),
            models.CheckConstraint(name="fund_step_positive", condition=Q(quantity_step__gt=0)),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def institution_id(self) -> None:
        """Funds belong to the issuer, not to an institution."""
        return None

    @property
    def breaker(self) -> str:
        """The name under which the fund's freeze is shown among the breakers."""
        return f"fund:{self.symbol}"


class FundIdentifier(models.Model):
    """An ISIN or CUSIP of a fund, from ``valid_from`` until the day before ``valid_until``.

    A trigger refuses two identifiers of one scheme on one day for one fund, and one identifier
    for two funds on one day.
    """

    class Scheme(models.TextChoices):
        """The numbering agency's scheme."""

        ISIN = "ISIN"
        CUSIP = "CUSIP"

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="identifiers")
    scheme = models.CharField(max_length=5, choices=Scheme)
    value = models.CharField(max_length=12)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="fund_identifier_range",
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
            ),
        ]
        indexes = [models.Index(fields=["scheme", "value"], name="fund_identifier_value")]

    def __str__(self) -> str:
        return f"{self.scheme} {self.value}"
