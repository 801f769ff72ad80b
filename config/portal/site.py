"""The admin site operators sign in to."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from config.portal import dashboard


class PortalSite(UnfoldAdminSite):  # type: ignore[misc]
    """Unfold's site with our dashboard; what a person sees follows from their groups."""

    site_title = "Sharemint"
    site_header = "Sharemint"
    index_title = "Dashboard"
    index_template = "portal/dashboard.html"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dashboard.context(request) | (extra_context or {})
        response: HttpResponse = super().index(request, context)
        return response
