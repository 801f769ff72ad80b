"""ReadOnlyAdmin: a list and a page per model, with no form but the declared service actions."""

import uuid
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from core import actors
from core.errors import DomainError
from core.ids import decode_id
from core.portal import cells
from core.portal.actions import ActionCall, ActionForm, ActionResult, ServiceAction
from core.portal.cells import Cell, Fact, Panel
from core.rows import PublicRow
from core.units import UnitsField

ROWS_PER_PAGE = 50
Row = TypeVar("Row", bound=models.Model)


def page_url(row: models.Model | None) -> str:
    """The portal page of a row, or an empty string when it has none."""
    if row is None:
        return ""
    meta = row._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def status_column(name: str = "status", title: str = "Status") -> Callable[..., Any]:
    """A coloured, sortable status column for ``list_display``."""

    @display(description=title, ordering=name, label=cells.LABEL_TONES)  # type: ignore[untyped-decorator]
    def column(row: models.Model) -> tuple[str, str]:
        value = str(getattr(row, name) or "")
        return value, cells.words(value) if value else cells.BLANK.text

    column.__name__ = f"{name}_label"
    return column  # type: ignore[no-any-return]


def time_column(name: str = "created_at", title: str = "Created") -> Callable[..., Any]:
    """A sortable column of moments in UTC."""

    @display(description=title, ordering=name)  # type: ignore[untyped-decorator]
    def column(row: models.Model) -> str:
        moment = getattr(row, name)
        return cells.format_moment(moment) if moment else cells.BLANK.text

    column.__name__ = f"{name}_utc"
    return column  # type: ignore[no-any-return]


def units_column(name: str, title: str) -> Callable[..., Any]:
    """A sortable column of quantities in wholes."""

    @display(description=title, ordering=name)  # type: ignore[untyped-decorator]
    def column(row: models.Model) -> str:
        return cells.quantity(getattr(row, name)).text

    column.__name__ = f"{name}_quantity"
    return column  # type: ignore[no-any-return]


def text_column(name: str, title: str) -> Callable[..., Any]:
    """A sortable column of plain words under a heading of its own."""

    @display(description=title, ordering=name)  # type: ignore[untyped-decorator]
    def column(row: models.Model) -> str:
        value = getattr(row, name)
        return cells.BLANK.text if value in (None, "") else str(value)

    column.__name__ = f"{name}_text"
    return column  # type: ignore[no-any-return]


def yes_no_column(name: str, title: str) -> Callable[..., Any]:
    """A sortable column that says yes or no, for flags where neither is good or bad."""

    @display(description=title, ordering=name)  # type: ignore[untyped-decorator]
    def column(row: models.Model) -> str:
        return cells.yes_no(getattr(row, name)).text

    column.__name__ = f"{name}_yes_no"
    return column  # type: ignore[no-any-return]


def id_column() -> Callable[..., Any]:
    """The public id; rows are named in the order of time."""

    @display(description="Id", ordering="pk")  # type: ignore[untyped-decorator]
    def column(row: PublicRow) -> str:
        return row.public_id

    column.__name__ = "public_id_text"
    return column  # type: ignore[no-any-return]


class ReadOnlyAdmin(ModelAdmin, Generic[Row]):  # type: ignore[misc]
    """Shows rows. Whoever may view the model sees them; nothing is added, changed or deleted.

    Subclasses say ``facts()`` and ``panels()`` for the object's page and list the actions.
    """

    service_actions: ClassVar[Sequence[ServiceAction[Any]]] = ()
    list_service_actions: ClassVar[Sequence[ServiceAction[Any]]] = ()
    empty_text: ClassVar[str] = "Nothing has been recorded here yet."
    intro: ClassVar[str] = ""
    list_title: ClassVar[str] = ""
    id_search_fields: ClassVar[Sequence[str]] = ("pk",)

    actions = None
    list_per_page = ROWS_PER_PAGE
    list_filter_sheet = True
    list_filter_submit = True
    show_full_result_count = False
    change_list_template = "portal/change_list.html"
    search_help_text = "Search by id or text"

    # --- permissions ---------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest, *_: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    # --- what the object's page shows ----------------------------------------------------------
    def heading(self, row: Row) -> str:
        """The page's title: the public id unless the subclass knows a better name."""
        return str(row)

    def facts(self, request: HttpRequest, row: Row) -> Sequence[Fact]:
        """The summary at the top: by default each plain column."""
        return [
            Fact(str(field.verbose_name).capitalize(), field_cell(row, field))
            for field in row._meta.concrete_fields
            if not isinstance(field, models.BinaryField)
        ]

    def panels(self, request: HttpRequest, row: Row) -> Sequence[Panel]:
        """The sections below the summary."""
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Row], search_term: str
    ) -> tuple[models.QuerySet[Row], bool]:
        """Find rows by public id or uuid, or else by the declared search fields."""
        wanted = uuid_in(search_term.strip())
        if wanted is None:
            found, distinct = super().get_search_results(request, queryset, search_term)
            return cast("models.QuerySet[Row]", found), bool(distinct)
        condition = models.Q()
        for name in self.id_search_fields:
            condition |= models.Q((name, wanted))
        return queryset.filter(condition), False

    # --- views ---------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        view = self.admin_site.admin_view
        own = [
            path("do/<slug:action>/", view(self.list_action_view), name=f"{name}_list_do"),
            path("<path:object_id>/do/<slug:action>/", view(self.action_view), name=f"{name}_do"),
        ]
        return own + list(super().get_urls())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        base = reverse(f"admin:{self._url_name}_changelist")
        context = {
            "buttons": _buttons(self.list_service_actions, request, None, base),
            "intro": self.intro,
            "page_title": self.plural(),
            "empty_text": self.empty_text,
        }
        response: HttpResponse = super().changelist_view(request, context | (extra_context or {}))
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self._object(request, object_id)
        base = reverse(f"admin:{self._url_name}_changelist") + f"{row.pk}/"
        status = getattr(row, "status", None)
        context = {
            "title": self.heading(row),
            "heading": self.heading(row),
            "status": cells.status(status) if isinstance(status, str) else None,
            "facts": self.facts(request, row),
            "panels": self.panels(request, row),
            "buttons": _buttons(self.service_actions, request, row, base),
        }
        return self._page(request, "portal/object.html", context)

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """The confirmation page of one action on one object, and its POST."""
        row = self._object(request, object_id)
        return self._act(request, _named(self.service_actions, action), row, page_url(row))

    def list_action_view(self, request: HttpRequest, action: str) -> HttpResponse:
        """The same for an action that concerns no single object, such as an upload."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        back = reverse(f"admin:{self._url_name}_changelist")
        return self._act(request, _named(self.list_service_actions, action), None, back)

    # --- helpers -------------------------------------------------------------------------------
    @property
    def _url_name(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}"

    def plural(self) -> str:
        """What the list is called."""
        if self.list_title:
            return self.list_title
        name = str(self.model._meta.verbose_name_plural)
        return name[:1].upper() + name[1:]

    def _object(self, request: HttpRequest, object_id: str) -> Row:
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404
        return cast("Row", row)

    def _act(
        self, request: HttpRequest, action: ServiceAction[Any], row: Row | None, back: str
    ) -> HttpResponse:
        if not action.is_permitted(request):
            raise PermissionDenied
        posted = request.method == "POST"
        form = action.form(request.POST if posted else None, request.FILES if posted else None)
        form.prepare(row)
        context: dict[str, Any] = {
            "title": action.label,
            "heading": self.heading(row) if row is not None else "",
            "action": action,
            "facts": self.facts(request, row) if row is not None else (),
            "form": form,
            "back": back,
        }
        if not posted:
            return self._page(request, "portal/action.html", context)
        if not form.is_valid():
            return self._page(
                request, "portal/action.html", context, HTTPStatus.UNPROCESSABLE_ENTITY
            )
        try:
            result = action.run(_call(request, row, form))
        except DomainError as refusal:
            context["refusal"] = refusal
            return self._page(request, "portal/action.html", context, HTTPStatus(refusal.status))
        return self._answer(request, result, context)

    def _answer(
        self, request: HttpRequest, result: ActionResult | str, context: dict[str, Any]
    ) -> HttpResponse:
        if isinstance(result, str):
            result = ActionResult(result)
        if result.once or result.facts:
            return self._page(request, "portal/result.html", context | {"result": result})
        messages.success(request, result.message)
        return redirect(context["back"])

    def _page(
        self,
        request: HttpRequest,
        template: str,
        context: dict[str, Any],
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        shared = self.admin_site.each_context(request) | {"model_meta": self.model._meta}
        crumbs = [(self.plural(), reverse(f"admin:{self._url_name}_changelist"))]
        if context.get("heading") and context["heading"] != context["title"]:
            crumbs.append((context["heading"], context["back"]))
        shared["crumbs"] = crumbs
        return TemplateResponse(request, template, shared | context, status=status)


def buttons_of(request: HttpRequest, page: "ReadOnlyAdmin[Any]", row: models.Model) -> Cell:
    """What this person may do about a row now, as buttons; a dash when there is nothing."""
    base = page_url(row).removesuffix("change/")
    found = _buttons(page.service_actions, request, row, base)
    if not found:
        return cells.BLANK
    return Cell("", buttons=[(each["label"], each["href"], each["style"]) for each in found])


def uuid_in(text: str) -> uuid.UUID | None:
    """The uuid a person pasted, as a public id of any kind or in its plain form."""
    prefix, _, body = text.rpartition("_")
    try:
        return decode_id(prefix, text) if prefix and body else uuid.UUID(text)
    except ValueError:
        return None


def has_uuid(model: type[models.Model]) -> bool:
    """Whether the model's rows are named by a uuid, and so have a public id."""
    return isinstance(model._meta.pk, models.UUIDField)


def field_cell(row: models.Model, field: "models.Field[Any, Any]") -> Cell:
    """One column of a row, in the form its type asks for."""
    value = getattr(row, field.attname)
    match field:
        case models.ForeignKey():
            related = getattr(row, field.name)
            return Cell(str(related), href=page_url(related)) if related else cells.BLANK
        case UnitsField():
            return cells.quantity(value)
        case models.DateTimeField():
            return cells.time(value)
        case models.BooleanField():
            return cells.yes_no(value)
        case models.UUIDField():
            return cells.code(value)
        case _:
            pass
    return cells.status(value) if field.name == "status" else cells.text(value)


def _named(actions: Sequence[ServiceAction[Any]], name: str) -> ServiceAction[Any]:
    for action in actions:
        if action.name == name:
            return action
    raise Http404


def _buttons(
    actions: Sequence[ServiceAction[Any]], request: HttpRequest, row: models.Model | None, base: str
) -> list[dict[str, str]]:
    return [
        {"label": action.label, "href": f"{base}do/{action.name}/", "style": action.style}
        for action in actions
        if action.is_permitted(request) and action.when(row)
    ]


def _call(request: HttpRequest, row: Row | None, form: ActionForm) -> ActionCall[Row | None]:
    user_id = request.user.pk
    if not isinstance(user_id, int):
        raise PermissionDenied
    return ActionCall(
        row=row, actor=actors.operator(user_id), now=timezone.now(), data=form.cleaned_data
    )
