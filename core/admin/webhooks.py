"""Webhook endpoints and their deliveries, each attempt with its answer."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.admin import actions
from core.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from core.portal import Cell, Fact, Panel

DELIVERIES_SHOWN_MAX = 25
ATTEMPTS_SHOWN_MAX = 50


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(portal.ReadOnlyAdmin[WebhookEndpoint]):
    """Where institutions want their events; the secrets are never shown."""

    service_actions = actions.ENDPOINT_ACTIONS

    list_display = (
        "url",
        "institution",
        portal.status_column(),
        "failures_in_a_row",
        portal.time_column("last_success_at", "Last success"),
    )
    list_select_related = ("institution",)
    list_filter = ("status", "institution")
    search_fields = ("url", "description")
    search_help_text = "Search by address or id"
    ordering = ("-pk",)
    empty_text = "Institutions register endpoints through the API."

    def heading(self, row: WebhookEndpoint) -> str:
        return row.url

    def facts(self, request: HttpRequest, row: WebhookEndpoint) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Events", portal.text(", ".join(map(str, row.event_types)))),
            Fact("Description", portal.text(row.description)),
            Fact("Payload version", portal.text(row.api_version)),
            Fact("Failures in a row", Cell(str(row.failures_in_a_row), number=True)),
            Fact("Paused until", portal.time(row.paused_until)),
            Fact("Last success", portal.time(row.last_success_at)),
            Fact("Disabled because", portal.text(row.disabled_reason)),
        ]

    def panels(self, request: HttpRequest, row: WebhookEndpoint) -> Sequence[Panel]:
        deliveries = row.deliveries.select_related("event").order_by("-created_at")
        return [
            Panel(
                title="Latest deliveries",
                columns=("Delivery", "Event", "State", "Attempts", "Created"),
                rows=[
                    (
                        portal.code(delivery.public_id, href=portal.page_url(delivery)),
                        portal.text(delivery.event.type),
                        portal.status(delivery.state),
                        Cell(str(delivery.attempts), number=True),
                        portal.time(delivery.created_at),
                    )
                    for delivery in deliveries[:DELIVERIES_SHOWN_MAX]
                ],
                empty="Nothing was sent to this endpoint yet.",
            ),
            portal.timeline(row),
        ]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(portal.ReadOnlyAdmin[WebhookDelivery]):
    """One event for one endpoint; receivers tell repeats apart by the event's id."""

    list_title = "Webhook deliveries"

    service_actions = actions.DELIVERY_ACTIONS

    list_display = (
        "event_type",
        "endpoint_url",
        "institution_name",
        portal.status_column("state", "State"),
        "attempts",
        portal.time_column("next_attempt_at", "Next attempt"),
        portal.time_column(),
    )
    list_select_related = ("event", "endpoint__institution")
    list_filter = ("state", "endpoint__institution", "endpoint")
    search_fields = ("event__type", "endpoint__url")
    search_help_text = "Search by event type, address, delivery id or event id"
    id_search_fields = ("pk", "event_id", "event__object_id")
    ordering = ("-pk",)
    intro = (
        "A failed delivery is retried on a ladder over three days. Receivers verify the signature"
        " and tell repeats apart by the event's id, so sending again is always safe."
    )
    empty_text = "Deliveries appear when an institution has an endpoint and something happens."

    @display(description="Event", ordering="event__type")  # type: ignore[untyped-decorator]
    def event_type(self, row: WebhookDelivery) -> str:
        return row.event.type

    @display(description="Address", ordering="endpoint__url")  # type: ignore[untyped-decorator]
    def endpoint_url(self, row: WebhookDelivery) -> str:
        return row.endpoint.url

    @display(description="Institution", ordering="endpoint__institution__name")  # type: ignore[untyped-decorator]
    def institution_name(self, row: WebhookDelivery) -> str:
        return str(row.endpoint.institution)

    def heading(self, row: WebhookDelivery) -> str:
        return f"{row.event.type} to {row.endpoint.url}"

    def facts(self, request: HttpRequest, row: WebhookDelivery) -> Sequence[Fact]:
        return [
            Fact("State", portal.status(row.state)),
            Fact("Id", portal.code(row.public_id)),
            Fact("Event", portal.code(row.event.public_id, href=portal.page_url(row.event))),
            Fact("Endpoint", portal.link(row.endpoint.url, portal.page_url(row.endpoint))),
            Fact("Institution", portal.text(row.endpoint.institution)),
            Fact("Created", portal.time(row.created_at)),
            Fact("Next attempt", portal.time(row.next_attempt_at)),
            Fact("Finished", portal.time(row.finished_at)),
        ]

    def panels(self, request: HttpRequest, row: WebhookDelivery) -> Sequence[Panel]:
        attempts = row.attempt_rows.order_by("-number")[:ATTEMPTS_SHOWN_MAX]
        return [
            Panel(
                title="Attempts",
                columns=("Attempt", "Started", "Took", "Answer", "Fault", "Response body"),
                rows=[_attempt_row(attempt) for attempt in attempts],
                empty="Not tried yet: the dispatcher takes it when its time has come.",
            ),
            Panel(
                title="Body sent",
                facts=[Fact("Bytes", portal.code(bytes(row.event.body).decode()), wide=True)],
            ),
        ]


def _attempt_row(attempt: DeliveryAttempt) -> Sequence[Cell]:
    answer = attempt.response_status
    good = answer is not None and 200 <= answer < 300  # noqa: PLR2004 - the 2xx range
    return (
        Cell(str(attempt.number), number=True),
        portal.time(attempt.started_at),
        Cell(f"{attempt.duration_ms} ms", number=True),
        portal.BLANK if answer is None else Cell(str(answer), tone="success" if good else "danger"),
        portal.text(attempt.error_class.replace("_", " ")),
        portal.code(attempt.response_body),
    )
