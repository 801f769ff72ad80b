"""Django app configuration."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class IssuanceConfig(AppConfig):
    name = "issuance"
    verbose_name = "Issuance"

    def ready(self) -> None:
        from issuance.chain.readiness import check_networks  # noqa: PLC0415 - settings are read now

        register(check_networks, Tags.security, deploy=True)
