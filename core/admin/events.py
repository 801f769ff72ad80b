"""Audit events: the append-only log, each event shown with the state of its hash chain."""

import json
from collections.abc import Sequence

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.events import chain_hash
from core.models import Event
from core.portal import Cell, Fact, Panel


@admin.register(Event)
class EventAdmin(portal.ReadOnlyAdmin[Event]):
    """Search by the id of any object to see everything that happened to it."""

    list_title = "Audit events"

    list_display = (
        "sequence",
        "type",
        "object_label",
        "institution_label",
        "by",
        portal.time_column(title="Time"),
    )
    list_display_links = ("sequence", "type")
    list_select_related = ("institution",)
    list_filter = ("object_type", "institution")
    search_fields = ("type", "actor", "request_id")
    search_help_text = "Search by object id, event type, actor or request id"
    id_search_fields = ("pk", "object_id")
    ordering = ("-pk",)
    intro = (
        "Every change ever made, with who made it. Each institution's events are numbered without"
        " a gap and chained by hash; the database refuses to change or delete them."
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Event]:
        rows: models.QuerySet[Event] = super().get_queryset(request)
        return portal.with_actor_name(rows, column="actor")

    @display(description="Object", ordering="object_type")  # type: ignore[untyped-decorator]
    def object_label(self, row: Event) -> str:
        described = json.loads(bytes(row.body))["data"]["object"]
        return str(described.get("id", row.object_type))

    @display(description="Institution", ordering="institution__name")  # type: ignore[untyped-decorator]
    def institution_label(self, row: Event) -> str:
        return str(row.institution) if row.institution else "Issuer"

    @display(description="By", ordering="actor")  # type: ignore[untyped-decorator]
    def by(self, row: Event) -> str:
        return portal.short_actor(str(getattr(row, "actor_name", row.actor)))

    def heading(self, row: Event) -> str:
        return row.type

    def facts(self, request: HttpRequest, row: Event) -> Sequence[Fact]:
        institution = row.institution
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Sequence", Cell(str(row.sequence), number=True)),
            Fact("Recorded", portal.time(row.created_at)),
            Fact("By", portal.actor(row.actor)),
            Fact("Object", portal.code(self.object_label(row))),
            Fact(
                "Institution",
                portal.link(institution, portal.page_url(institution))
                if institution
                else portal.text("Issuer"),
            ),
            Fact("Request", portal.code(row.request_id)),
            Fact("Hash chain", _chain_cell(row)),
        ]

    def panels(self, request: HttpRequest, row: Event) -> Sequence[Panel]:
        envelope = json.loads(bytes(row.body))
        deliveries = row.deliveries.select_related("endpoint").order_by("created_at")
        return [
            Panel(
                title="Frozen body",
                note="These very bytes are what webhooks, the event feed and a replay send.",
                facts=[
                    Fact(name, portal.code(json.dumps(value) if value is not None else ""))
                    for name, value in _flatten(envelope["data"])
                ],
            ),
            Panel(
                title="Webhook deliveries",
                columns=("Delivery", "Address", "State"),
                rows=[
                    (
                        portal.code(delivery.public_id, href=portal.page_url(delivery)),
                        portal.code(delivery.endpoint.url),
                        portal.status(delivery.state),
                    )
                    for delivery in deliveries
                ],
                empty="No endpoint subscribes to this event.",
            ),
        ]


def _flatten(value: dict[str, object], path: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, part in value.items():
        if isinstance(part, dict):
            flat += _flatten(part, f"{path}{name}.")
        else:
            flat.append((f"{path}{name}", part))
    return flat


def _chain_cell(row: Event) -> Cell:
    """Whether this event's hash follows from its bytes and the event before it."""
    before = Event.objects.filter(stream=row.stream, sequence=row.sequence - 1).first()
    if before is None and row.sequence > 1:
        return Cell("Predecessor missing", tone="danger")
    expected = chain_hash(
        bytes(before.hash) if before else b"", actor=row.actor, body=bytes(row.body)
    )
    held = expected == bytes(row.hash)
    short = bytes(row.hash).hex()[:16]
    if not held:
        return Cell("Broken", tone="danger", note=short)
    return Cell("Intact", tone="success", note=f"{short}...")
