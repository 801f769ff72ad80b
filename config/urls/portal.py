"""The portal's paths."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

handler500 = "config.portal.faults.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("portal", RedirectView.as_view(pattern_name="admin:index")),
    path("portal/", admin.site.urls),
]
