"""/v1/webhook-endpoints and /v1/webhook-deliveries."""

from datetime import timedelta

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core import queries, services
from core.api.pagination import PageQuery
from core.api.shapes import (
    DeliveriesQuery,
    RotateIn,
    WebhookDeliveryOut,
    WebhookEndpointIn,
    WebhookEndpointOut,
    WebhookEndpointPatch,
    WebhookEndpointSecretOut,
)
from core.api.views import ApiView, path_id
from core.services.webhook_endpoints import OVERLAP_DEFAULT


class WebhookEndpoints(ApiView):
    scopes = {"GET": "webhooks:read", "POST": "webhooks:write"}

    @extend_schema(
        summary="List webhook endpoints",
        parameters=[PageQuery],
        responses=WebhookEndpointOut(many=True),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = queries.webhook_endpoints(institution_id=self.institution_id)
        return self.page(rows, query=self.query(PageQuery), show=WebhookEndpointOut)

    @extend_schema(
        summary="Create a webhook endpoint",
        description="The signing secret is in this answer only.",
        request=WebhookEndpointIn,
        responses={201: WebhookEndpointSecretOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(WebhookEndpointIn)
        return self.effect(
            lambda: services.create_webhook_endpoint(
                institution_id=self.institution_id, actor=self.actor, now=self.now, **body
            ),
            show=WebhookEndpointSecretOut,
        )


class WebhookEndpointDetail(ApiView):
    scopes = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}

    @extend_schema(summary="Read a webhook endpoint", responses=WebhookEndpointOut)
    def get(self, request: Request, endpoint_id: str) -> HttpResponse:
        row = queries.webhook_endpoint(
            institution_id=self.institution_id, endpoint_id=path_id("we", endpoint_id)
        )
        return self.show(row, show=WebhookEndpointOut)

    @extend_schema(
        summary="Change a webhook endpoint",
        description="Needs If-Match with the ETag last seen.",
        request=WebhookEndpointPatch,
        responses=WebhookEndpointOut,
    )
    def patch(self, request: Request, endpoint_id: str) -> HttpResponse:
        body = self.body(WebhookEndpointPatch)
        status = body.pop("status", None)
        return self.effect(
            lambda: services.update_webhook_endpoint(
                institution_id=self.institution_id,
                endpoint_id=path_id("we", endpoint_id),
                expected_version=self.expected_version(),
                enabled=None if status is None else status == "enabled",
                actor=self.actor,
                now=self.now,
                **body,
            ),
            show=WebhookEndpointOut,
            status=200,
        )

    @extend_schema(summary="Delete a webhook endpoint", responses=WebhookEndpointOut)
    def delete(self, request: Request, endpoint_id: str) -> HttpResponse:
        return self.effect(
            lambda: services.delete_webhook_endpoint(
                institution_id=self.institution_id,
                endpoint_id=path_id("we", endpoint_id),
                actor=self.actor,
                now=self.now,
            ),
            show=WebhookEndpointOut,
            status=200,
        )


class WebhookEndpointTest(ApiView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        summary="Send a test ping",
        description="Queues a signed test.ping to this endpoint alone; look at its delivery next.",
        request=None,
        responses={201: WebhookDeliveryOut},
    )
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.send_test_ping(
                institution_id=self.institution_id,
                endpoint_id=path_id("we", endpoint_id),
                actor=self.actor,
                now=self.now,
            ),
            show=WebhookDeliveryOut,
            status=201,
        )


class WebhookEndpointRotate(ApiView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        summary="Rotate the signing secret",
        description="Until the overlap ends (24 h unless told) each request carries both signatures.",
        request=RotateIn,
        responses={200: WebhookEndpointSecretOut},
    )
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        body = self.body(RotateIn)
        overlap = timedelta(
            seconds=body.get("overlap_seconds", int(OVERLAP_DEFAULT.total_seconds()))
        )
        return self.effect(
            lambda: services.rotate_webhook_secret(
                institution_id=self.institution_id,
                endpoint_id=path_id("we", endpoint_id),
                overlap=overlap,
                actor=self.actor,
                now=self.now,
            ),
            show=WebhookEndpointSecretOut,
            status=200,
        )


class WebhookEndpointDeliveries(ApiView):
    scopes = {"GET": "webhooks:read"}

    @extend_schema(
        summary="List the deliveries of an endpoint",
        parameters=[DeliveriesQuery],
        responses=WebhookDeliveryOut(many=True),
    )
    def get(self, request: Request, endpoint_id: str) -> HttpResponse:
        query = self.query(DeliveriesQuery)
        rows = queries.webhook_deliveries(
            institution_id=self.institution_id, endpoint_id=path_id("we", endpoint_id)
        )
        if "status" in query:
            rows = rows.filter(state=query["status"].upper())
        return self.page(rows, query=query, show=WebhookDeliveryOut)


class WebhookRedeliver(ApiView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        summary="Send a delivery again",
        description="The event keeps its id, so a receiver that already has it can tell.",
        request=None,
        responses={200: WebhookDeliveryOut},
    )
    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.redeliver(
                institution_id=self.institution_id,
                delivery_id=path_id("whd", delivery_id),
                actor=self.actor,
                now=self.now,
            ),
            show=WebhookDeliveryOut,
            status=200,
        )
