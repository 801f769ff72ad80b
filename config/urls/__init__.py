"""Every path the service answers, for a process that is both edges."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.views import defaults

from config.portal import faults
from config.urls import api, portal
from core.api import problems

urlpatterns: list[URLPattern | URLResolver] = [*api.urlpatterns, *portal.urlpatterns]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """A page for people in the portal, a problem document for everyone else."""
    if request.path.startswith("/portal"):
        return defaults.page_not_found(request, exception)
    return problems.not_found(request)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """As handler404, for a refused page."""
    if request.path.startswith("/portal"):
        return defaults.permission_denied(request, exception)
    return problems.forbidden(request)


def handler500(request: HttpRequest) -> HttpResponse:
    """As handler404, for a fault of ours."""
    if request.path.startswith("/portal"):
        return faults.server_error(request)
    return problems.server_error(request)


handler400 = problems.bad_request
