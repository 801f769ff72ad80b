"""What a person sees when a page fails: a fault of ours, or a database that is away."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from core.outage import is_outage

RETRY_AFTER_SECONDS = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 handler for the portal, called while the exception is handled."""
    if not is_outage(sys.exc_info()[1]):
        return defaults.server_error(request)
    page = loader.get_template("503.html").render()
    response = HttpResponse(page, status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
