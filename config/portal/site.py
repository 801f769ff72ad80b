"""The admin site operators sign in to."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite


class PortalSite(UnfoldAdminSite):  # type: ignore[misc]
    """Unfold's site with our dashboard; what a person sees follows from their groups."""

    site_title = "Sharemint"
    site_header = "Sharemint"
    index_title = "Dashboard"
    index_template = "portal/dashboard.html"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        from config.portal import dashboard  # noqa: PLC0415 - models exist only now

        context = dashboard.context(request) | (extra_context or {})
        response: HttpResponse = super().index(request, context)
        return response

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no model."""
        return [path("approvals/", self.admin_view(self.approvals), name="approvals")]

    def approvals(self, request: HttpRequest) -> HttpResponse:
        """What waits for this person's second look."""
        from config.portal import approvals  # noqa: PLC0415 - models exist only now

        shown = {"title": "Waiting for me", "panels": approvals.panels(request)}
        return TemplateResponse(
            request, "portal/approvals.html", self.each_context(request) | shown
        )
