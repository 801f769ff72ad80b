"""Django app configuration of the portal, and of Django's admin on the portal's own site."""

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    name = "config.portal"
    label = "portal"
    verbose_name = "Portal"


class PortalAdminConfig(AdminConfig):
    default_site = "config.portal.site.PortalSite"

    def ready(self) -> None:
        super().ready()
        from config.portal import breakers, operators  # noqa: PLC0415 - models exist only now

        breakers.take_over(admin.site)
        operators.take_over(admin.site)
