"""Requests refused because of the place they came from."""

from django.contrib import admin

from core import portal
from kyc.models import AccessEvent


@admin.register(AccessEvent)
class AccessEventAdmin(portal.ReadOnlyAdmin[AccessEvent]):
    """Only the network is kept, never the whole address."""

    list_title = "Refused access"

    list_display = (
        portal.time_column("at", "Time"),
        "network",
        "country",
        "method",
        "path",
        "code",
    )
    list_filter = ("country", "code")
    search_fields = ("network", "path", "request_id")
    search_help_text = "Search by network, path or request id"
    ordering = ("-at",)
    intro = (
        "Requests answered with 451 because they came from mainland China (Yinfa [2026] 42, I(I))."
        " The address is kept only as its /24 or /48 network."
    )
    empty_text = "No request has been refused for where it came from."
