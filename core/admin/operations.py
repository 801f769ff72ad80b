"""Breakers: the named halts, open or closed."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from core import portal
from core.admin import actions
from core.models import Breaker
from core.portal import Fact, Panel


@admin.register(Breaker)
class BreakerAdmin(portal.ReadOnlyAdmin[Breaker]):
    """An open breaker refuses new work of its kind; what was begun is still followed."""

    service_actions = actions.BREAKER_ACTIONS

    list_display = (
        "name",
        portal.status_column(),
        "reason",
        portal.time_column("opened_at", "Last opened"),
    )
    list_filter = ("status",)
    search_fields = ("name", "reason")
    ordering = ("-status", "name")
    intro = "An open breaker halts new work of its kind. Transactions already sent are followed on."
    empty_text = "No breaker has ever opened."

    def facts(self, request: HttpRequest, row: Breaker) -> Sequence[Fact]:
        return [
            Fact("Reason", portal.text(row.reason)),
            Fact("Opened by", portal.actor(row.opened_by)),
            Fact("Last opened", portal.time(row.opened_at)),
        ]

    def panels(self, request: HttpRequest, row: Breaker) -> Sequence[Panel]:
        return [portal.timeline(row)]
