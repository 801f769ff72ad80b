"""How long an operator stays signed in: 30 minutes idle, 12 hours in all (ASVS 7.3.1)."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

SIGNED_IN_AT = "portal_signed_in_at"


class AbsoluteSessionLimit:
    """Signs out a session older than ``PORTAL_SESSION_SECONDS_MAX``, however busy it is.

    The idle limit is Django's own: the cookie and the row expire after ``SESSION_COOKIE_AGE``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            signed_in_at = request.session.setdefault(SIGNED_IN_AT, now)
            if now - int(signed_in_at) > settings.PORTAL_SESSION_SECONDS_MAX:
                logout(request)
        return self.get_response(request)
