"""The JSON of core's own objects."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from core.api.pagination import PageQuery
from core.api.serializers import (
    ObjectField,
    PublicIdField,
    QuerySerializer,
    StatusField,
    StrictSerializer,
    UtcField,
)

SEQUENCE_MAX = 2**63 - 1
OVERLAP_SECONDS_MAX = 7 * 86_400


class ApiKeyOut(StrictSerializer):
    """An API key without its secret."""

    object = ObjectField()
    id = PublicIdField("key", read_only=True)
    name = serializers.CharField(read_only=True)
    kid = serializers.CharField(read_only=True)
    last_four = serializers.CharField(read_only=True)
    status = StatusField()
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    expires_at = UtcField(read_only=True)
    last_used_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class IssuedKeyOut(ApiKeyOut):
    """A new API key. ``key`` is shown in this answer only."""

    key = serializers.CharField(read_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:  # noqa: ANN401  DRF's
        return ApiKeyOut(instance.row).data | {"key": instance.text}


@extend_schema_serializer(
    examples=[OpenApiExample("One day", value={"overlap_seconds": 86_400}, request_only=True)]
)
class RotateIn(StrictSerializer):
    """How long the old secret goes on working."""

    overlap_seconds = serializers.IntegerField(
        required=False, min_value=0, max_value=OVERLAP_SECONDS_MAX
    )


class EventsQuery(QuerySerializer):
    """Where the feed goes on."""

    after = serializers.IntegerField(min_value=0, max_value=SEQUENCE_MAX, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=25)


_EVENT = {
    "id": "evt_01kamq0000e8c8rr3y0000000a",
    "object": "event",
    "type": "webhook_endpoint.updated",
    "api_version": "2026-12-01",
    "created_at": "2026-11-22T13:00:00.123Z",
    "sequence": 1042,
    "institution_id": "inst_01kamq0000e8c8rr3y0000000a",
    "request_id": "req_01kamq0000e8c8rr3y0000000a",
    "data": {
        "object": {
            "object": "webhook_endpoint",
            "id": "we_01kamq0000e8c8rr3y0000000a",
            "status": "enabled",
            "version": 2,
        },
        "previous": {"status": "enabled", "version": 1},
    },
}


@extend_schema_serializer(examples=[OpenApiExample("An event", value=_EVENT)])
class EventOut(StrictSerializer):
    """One recorded fact, in the bytes that webhooks carry."""

    id = serializers.CharField()
    object = serializers.ChoiceField(["event"])
    type = serializers.CharField()
    api_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    sequence = serializers.IntegerField(help_text="Without gap, in order of commit.")
    institution_id = serializers.CharField()
    request_id = serializers.CharField(allow_blank=True)
    data = serializers.DictField()  # type: ignore[assignment]  # stubs


class EventFeedOut(StrictSerializer):
    """Events in order. Ask again with ``after`` set to ``next_after``."""

    object = serializers.ChoiceField(["list"])
    data = EventOut(many=True)  # type: ignore[assignment]  # stubs
    has_more = serializers.BooleanField()
    next_after = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "All events",
            value={
                "url": "https://hooks.example.com/sharemint",
                "event_types": ["*"],
                "description": "back office",
            },
            request_only=True,
        )
    ]
)
class WebhookEndpointIn(StrictSerializer):
    """A new webhook endpoint."""

    url = serializers.CharField(max_length=500)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=82), min_length=1, max_length=50, default=["*"]
    )
    description = serializers.CharField(max_length=200, allow_blank=True, default="")


class WebhookEndpointPatch(StrictSerializer):
    """What changes; what is absent stays."""

    url = serializers.CharField(max_length=500, required=False)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=82), min_length=1, max_length=50, required=False
    )
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    status = serializers.ChoiceField(["enabled", "disabled"], required=False)


class WebhookEndpointOut(StrictSerializer):
    """A webhook endpoint without its secrets."""

    object = ObjectField()
    id = PublicIdField("we", read_only=True)
    url = serializers.CharField(read_only=True)
    event_types = serializers.ListField(child=serializers.CharField(), read_only=True)
    description = serializers.CharField(read_only=True)
    status = StatusField()
    disabled_reason = serializers.CharField(read_only=True)
    api_version = serializers.CharField(read_only=True)
    failures_in_a_row = serializers.IntegerField(read_only=True)
    last_success_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class WebhookEndpointSecretOut(WebhookEndpointOut):
    """An endpoint with its newest secret, which is shown in this answer only."""

    secret = serializers.CharField(read_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:  # noqa: ANN401  DRF's
        return WebhookEndpointOut(instance.endpoint).data | {"secret": instance.secret}


class WebhookAttemptOut(StrictSerializer):
    """What happened when a delivery was tried once."""

    number = serializers.IntegerField(read_only=True)
    started_at = UtcField(read_only=True)
    duration_ms = serializers.IntegerField(read_only=True)
    response_status = serializers.IntegerField(read_only=True, allow_null=True)
    error_class = serializers.CharField(read_only=True)


class WebhookDeliveryOut(StrictSerializer):
    """One event for one endpoint."""

    object = ObjectField()
    id = PublicIdField("whd", read_only=True)
    endpoint_id = PublicIdField("we", read_only=True)
    event_id = PublicIdField("evt", read_only=True)
    event_type = serializers.CharField(source="event.type", read_only=True)
    status = StatusField(source="state")
    attempts = WebhookAttemptOut(source="attempt_rows", many=True, read_only=True)
    next_attempt_at = UtcField(read_only=True, allow_null=True)
    finished_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class DeliveriesQuery(PageQuery):
    """Filters of the delivery log."""

    status = serializers.ChoiceField(["pending", "delivered", "failed", "skipped"], required=False)
