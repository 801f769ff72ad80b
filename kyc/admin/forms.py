"""What operators fill in about an investor: facts, check results, overrides."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from core.portal import ActionForm, ReasonForm, words
from kyc.models import Check, Investor
from kyc.policy.active import active_policies
from kyc.policy.vocabulary import DECLARABLE, FACTS, FactType
from kyc.states import CheckStatus

OVERRIDE_DAYS_MAX = 365
OVERRIDE_DAYS = 90
_YES_NO = {"yes": True, "no": False}


class FactForm(ActionForm):
    """One fact with where it was learned."""

    fact = forms.ChoiceField(choices=[])
    value = forms.CharField(
        max_length=200,
        help_text="Countries as ISO codes (CH); several are parted by commas. Yes or no for a"
        " question.",
    )

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        if isinstance(row, Investor) and isinstance(self.fields["fact"], forms.ChoiceField):
            mine = [name for name in DECLARABLE if row.kind.lower() in FACTS[name].kinds]
            self.fields["fact"].choices = [
                (name, f"{words(name)}: {FACTS[name].meaning}") for name in sorted(mine)
            ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        name, text = given.get("fact", ""), str(given.get("value", "")).strip()
        if name in FACTS and FACTS[name].type is FactType.BOOLEAN:
            if text.lower() not in _YES_NO:
                raise ValidationError({"value": "Answer yes or no."})
            return given | {"typed": _YES_NO[text.lower()]}
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return given | {"typed": parts if len(parts) > 1 else text}


class CheckForm(ActionForm):
    """What a person or a provider found out about an open identity check."""

    check_id = forms.ChoiceField(label="Check", choices=[])
    status = forms.ChoiceField(
        label="Result",
        choices=[
            (status, words(status))
            for status in (CheckStatus.PASSED, CheckStatus.REVIEW, CheckStatus.FAILED)
        ],
    )
    reason_code = forms.SlugField(
        max_length=60, required=False, help_text="A word such as document_expired."
    )

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        if isinstance(row, Investor) and isinstance(self.fields["check_id"], forms.ChoiceField):
            self.fields["check_id"].choices = [
                (str(check.pk), f"{check.provider}, {words(check.status).lower()}")
                for check in open_checks(row)
            ]


class OverrideForm(ReasonForm):
    """Leave from one rule: which, on what evidence, until when."""

    rule = forms.ChoiceField(choices=[])
    evidence = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One proof per line: name: document number, authority, date.",
    )
    days = forms.IntegerField(
        label="Valid for days", min_value=1, max_value=OVERRIDE_DAYS_MAX, initial=OVERRIDE_DAYS
    )
    field_order = ("rule", "evidence", "days", "reason")

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        if isinstance(self.fields["rule"], forms.ChoiceField):
            self.fields["rule"].choices = [
                (rule.id, f"{rule.id}, needs {', '.join(sorted(rule.proofs)) or 'no proof'}")
                for policy in active_policies()
                for rule in policy.rules
                if rule.overridable
            ]

    def clean_evidence(self) -> dict[str, str]:
        pairs = [line.partition(":") for line in self.cleaned_data["evidence"].splitlines()]
        if not all(colon for name, colon, _ in pairs if name.strip()):
            raise ValidationError("Write each line as name: reference.")
        return {name.strip(): text.strip() for name, _, text in pairs if name.strip()}


def open_checks(investor: Investor) -> "models.QuerySet[Check]":
    """The investor's checks that still wait for a result, newest first."""
    waiting = investor.checks.filter(status__in=[CheckStatus.PENDING, CheckStatus.REVIEW])
    return waiting.order_by("-created_at")
