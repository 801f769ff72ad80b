"""The admin site operators sign in to."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
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
        return [
            path("approvals/", self.admin_view(self.approvals), name="approvals"),
            path("chains/", self.admin_view(self.chains), name="chains"),
            path("stuck/", self.admin_view(self.stuck), name="stuck"),
        ]

    def approvals(self, request: HttpRequest) -> HttpResponse:
        """What waits for this person's second look."""
        from config.portal import approvals  # noqa: PLC0415 - models exist only now

        shown = {"title": "Waiting for me", "panels": approvals.panels(request)}
        return TemplateResponse(
            request, "portal/approvals.html", self.each_context(request) | shown
        )

    def chains(self, request: HttpRequest) -> HttpResponse:
        """What the workers last saw of each network, for who may see chain transactions."""
        from config.portal import monitor  # noqa: PLC0415 - models exist only now

        if not monitor.is_visible(request):
            raise PermissionDenied
        shown = monitor.context(request, timezone.now())
        return TemplateResponse(request, "portal/panels.html", self.each_context(request) | shown)

    def stuck(self, request: HttpRequest) -> HttpResponse:
        """What has waited too long, of what the person may see."""
        from config.portal import stuck  # noqa: PLC0415 - models exist only now

        shown = {
            "title": "Stuck work",
            "intro": "What has waited longer than it should, why, and what may lawfully be done."
            " Anything else that waits is on its way.",
            "panels": stuck.panels(request, timezone.now()),
            "nothing": "Nothing for you here",
            "nothing_note": "Your groups see none of what can get stuck.",
        }
        return TemplateResponse(request, "portal/panels.html", self.each_context(request) | shown)
