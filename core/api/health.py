"""The probes: /livez says the process answers, /readyz that it can do its work."""

from functools import cache

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from core.api.errors import Unavailable
from core.api.idempotency import Answer
from core.api.views import ApiView, dump
from core.models import WebhookDelivery
from core.states import DeliveryState


class Live(ApiView):
    """No I/O: a process that answers is alive."""

    public = True
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return self.respond(Answer(200, dump({"status": "ok"})))


class Ready(ApiView):
    """The database answers and has every migration; the age of the webhook queue is told."""

    public = True
    schema = None

    def get(self, request: Request) -> HttpResponse:
        try:
            _require_migrated()
            pending = WebhookDelivery.objects.filter(
                state=DeliveryState.PENDING, next_attempt_at__lte=timezone.now()
            )
            oldest = pending.order_by("next_attempt_at").values_list("next_attempt_at", flat=True)
            due_since = oldest.first()
        except Error as broken:
            raise Unavailable("The database does not answer.") from broken
        age = 0 if due_since is None else int((timezone.now() - due_since).total_seconds())
        return self.respond(Answer(200, dump({"status": "ok", "oldest_due_delivery_seconds": age})))


@cache
def _require_migrated() -> None:
    """Raise Unavailable while a migration is missing; once all are there the answer is kept."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Unavailable("Migrations are missing.")
