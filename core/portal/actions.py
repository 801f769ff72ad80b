"""Service actions: the only way a person changes anything in the portal.

Each is one POST to ``/portal/<app>/<model>/<uuid>/do/<name>/`` behind a permission of its own, and
calls exactly one service. Its confirmation page is plain HTML and needs no JavaScript.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.http import HttpRequest

from core.actors import Actor
from core.portal.cells import Fact

REASON_LENGTH_MAX = 200
Row = TypeVar("Row", bound=models.Model | None)


class Style(StrEnum):
    """How the button looks; a dangerous one takes something away."""

    PRIMARY = "primary"
    PLAIN = "plain"
    DANGER = "danger"


class ActionForm(forms.Form):
    """What the person fills in. ``row`` is the object acted on, None for an action on a list."""

    row: models.Model | None = None

    def prepare(self, row: models.Model | None) -> None:
        """Learn the object acted on; subclasses offer their choices here."""
        self.row = row
        for name, each in self.fields.items():
            described = [f"id_{name}_help"] if each.help_text else []
            if not isinstance(each.widget, forms.CheckboxSelectMultiple):
                each.widget.attrs.setdefault("class", "portal-input")
            if described:
                each.widget.attrs.setdefault("aria-describedby", described[0])


class ReasonForm(ActionForm):
    """A reason, kept with the event. It must not name a person: ids only."""

    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the audit trail. Name no person; refer to documents and case numbers.",
    )


class ToldReasonForm(ReasonForm):
    """A reason that the institution reads in its event and its webhook."""

    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The institution reads this in its event. Name no person and no suspicion.",
    )


@dataclass(frozen=True, slots=True)
class ActionCall(Generic[Row]):
    """All a service action may use: the object, who acts, when, and the checked form."""

    row: Row
    actor: Actor
    now: datetime
    data: dict[str, Any]

    @property
    def reason(self) -> str:
        """The reason given, when the form asks for one."""
        return str(self.data["reason"])

    def upload(self, name: str) -> "UploadedFile[bytes]":
        """The uploaded file of that form field."""
        file = self.data[name]
        if not isinstance(file, UploadedFile):
            raise TypeError(name)
        return file


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What to tell the person. ``once`` holds secrets that are shown here and never again."""

    message: str
    once: Sequence[tuple[str, str]] = ()
    facts: Sequence[Fact] = ()


def _always(_row: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ServiceAction(Generic[Row]):
    """One declared action.

    ``permission`` is ``app.codename``; ``run`` calls one service and says what happened;
    ``when`` tells whether the button makes sense for the object now (the service decides anyway).
    """

    name: str
    label: str
    permission: str
    run: Callable[[ActionCall[Row]], ActionResult | str]
    explain: str
    form: type[ActionForm] = ActionForm
    when: Callable[[Row], bool] = field(default=_always)
    style: Style = Style.PLAIN

    def is_permitted(self, request: HttpRequest) -> bool:
        """Whether the person holds the permission.

        A superuser keeps the installation, not the business: outside development that status
        grants no action, so four-eyes and role separation cannot be walked around.
        """
        if request.user.is_superuser and not settings.DEVELOPMENT:
            return False
        return request.user.has_perm(self.permission)
