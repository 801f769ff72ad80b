"""The API's paths: everything under /v1 and the two probes, without sessions."""

from django.urls import URLPattern, URLResolver, include, path

from core.api.health import Live, Ready

handler400 = "core.api.problems.bad_request"
handler403 = "core.api.problems.forbidden"
handler404 = "core.api.problems.not_found"
handler500 = "core.api.problems.server_error"

_APPS = ("core", "kyc", "custody", "issuance")

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", Live.as_view()),
    path("readyz", Ready.as_view()),
    *(path("v1/", include(f"{app}.api.urls")) for app in _APPS),
]
