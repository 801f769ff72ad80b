"""Core's paths under /v1."""

from django.urls import URLPattern, URLResolver, path

from core.api import api_keys, document, event_feed, webhooks

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", document.OpenApi.as_view()),
    path("docs", document.Docs.as_view()),
    path("docs/errors", document.ErrorDocs.as_view()),
    path("api-keys", api_keys.ApiKeys.as_view()),
    path("api-keys/<str:key_id>/rotate", api_keys.ApiKeyRotate.as_view()),
    path("events", event_feed.Events.as_view()),
    path("events/<str:event_id>", event_feed.EventDetail.as_view()),
    path("webhook-endpoints", webhooks.WebhookEndpoints.as_view()),
    path("webhook-endpoints/<str:endpoint_id>", webhooks.WebhookEndpointDetail.as_view()),
    path("webhook-endpoints/<str:endpoint_id>/test", webhooks.WebhookEndpointTest.as_view()),
    path("webhook-endpoints/<str:endpoint_id>/rotate", webhooks.WebhookEndpointRotate.as_view()),
    path(
        "webhook-endpoints/<str:endpoint_id>/deliveries",
        webhooks.WebhookEndpointDeliveries.as_view(),
    ),
    path("webhook-deliveries/<str:delivery_id>/redeliver", webhooks.WebhookRedeliver.as_view()),
]
